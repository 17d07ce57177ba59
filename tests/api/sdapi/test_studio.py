"""The machine, and what goes by itself."""

from __future__ import annotations

import base64
from pathlib import Path

from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from tests.api.sdapi.conftest import refusal
from webui.app import build_studio


def test_memory_is_told(client: TestClient) -> None:
    told = client.get("/sdapi/v1/memory").json()
    assert 0 < told["ram"]["free"] < told["ram"]["total"]


def test_looking_again_and_unloading_are_answered(client: TestClient) -> None:
    for name in ("checkpoints", "vae", "loras", "embeddings"):
        assert client.post(f"/sdapi/v1/refresh-{name}").status_code == 200
    assert "nothing was done" in client.post("/sdapi/v1/reload-checkpoint").json()["note"]


def test_unloading_is_answered_and_pictures_are_drawn_as_before(client: TestClient) -> None:
    note = client.post("/sdapi/v1/unload-checkpoint").json()["note"]
    assert "leave the memory as soon as nothing is being drawn" in note
    picture = client.post("/sdapi/v1/txt2img", json={"prompt": "a boat", "steps": 2})
    assert picture.status_code == 200


def test_interrogating_is_refused_with_a_sentence(client: TestClient) -> None:
    status, said = refusal(client, "interrogate", image="")
    assert (status, "no model that describes pictures" in said) == (501, True)


def test_the_login_holds_here_too(tmp_path: Path) -> None:
    studio = build_studio(fake_settings(tmp_path, user="ada", password="secret"))
    with TestClient(studio.guarded, base_url=ORIGIN) as client:
        assert client.get("/sdapi/v1/samplers").status_code == 401
        assert client.post("/sdapi/v1/txt2img", json={"prompt": "x"}).status_code == 401
        assert client.get("/controlnet/model_list").status_code == 401
        basic = base64.b64encode(b"ada:secret").decode()
        headers = {"authorization": f"Basic {basic}"}
        assert client.get("/sdapi/v1/samplers", headers=headers).status_code == 200
    studio.stop()


def test_a_page_of_another_site_can_order_nothing(client: TestClient) -> None:
    headers = {"origin": "https://evil.example"}
    assert (
        client.post("/sdapi/v1/txt2img", json={"prompt": "x"}, headers=headers).status_code == 403
    )
