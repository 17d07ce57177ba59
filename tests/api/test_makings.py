"""Makings over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN
from tests.engine.tiny import write_tiny
from tests.workers.listening import eventually
from webui.app import build_studio
from webui.contracts.fakes import FakeWorker
from webui.contracts.settings import Settings

MAKINGS = "/api/v1/library/makings"


@pytest.mark.timeout(180)
def test_one_is_ordered_followed_and_found_among_the_models(tmp_path: Path) -> None:
    write_tiny(tmp_path / "models" / "a")
    made = build_studio(Settings(data_dir=tmp_path, repository=tmp_path), FakeWorker)
    made.start()
    try:
        with TestClient(made.guarded, base_url=ORIGIN) as client:
            asked = client.post(
                MAKINGS, json={"name": "half", "models": ["a"], "precision": "fp16"}
            )
            assert (asked.status_code, asked.json()["kind"]) == (201, "convert")

            def state() -> str:
                return str(client.get(MAKINGS).json()["makings"][0]["state"])

            eventually(lambda: state() not in ("waiting", "running"), 150)
            assert state() == "done"
            ids = {item["id"] for item in client.get("/api/v1/library").json()["items"]}
            assert "checkpoints/half" in ids
            address = f"{MAKINGS}/{asked.json()['id']}"
            assert client.post(f"{address}/again").json()["state"] == "done"
            assert client.delete(address).status_code == 204
            assert client.get(MAKINGS).json() == {"refusal": None, "makings": []}
    finally:
        made.stop()


def test_what_cannot_be_ordered_is_a_sentence(refusing: TestClient) -> None:
    unknown = refusing.post(MAKINGS, json={"name": "new", "models": ["none"]})
    assert (unknown.status_code, "'none'" in unknown.json()["error"]) == (422, True)
    odd = {"name": "new", "models": ["a", "b"], "method": "difference"}
    refused = refusing.post(MAKINGS, json=odd)
    assert (refused.status_code, "made of 3" in refused.json()["error"]) == (400, True)
    assert refusing.post(MAKINGS, json={"name": "new", "models": []}).status_code == 422
    assert refusing.post(f"{MAKINGS}/none/again").status_code == 404
    assert refusing.delete(f"{MAKINGS}/none").status_code == 404


def test_where_others_reach_the_studio_none_is_ordered(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, repository=tmp_path, fake=True, allowed_hosts=("studio.example",)
    )
    made = build_studio(settings)
    with TestClient(made.guarded, base_url=ORIGIN) as client:
        asked = client.post(MAKINGS, json={"name": "new", "models": ["a"]})
        assert asked.status_code == 403
        assert asked.json()["error"] == client.get(MAKINGS).json()["refusal"]
    made.stop()
