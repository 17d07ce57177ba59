"""Pictures and images over HTTP."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from webui.app import build_studio
from webui.contracts.request import parse_request


@pytest.fixture
def picture(client: TestClient) -> dict[str, Any]:
    """A finished picture, as its job lists it."""
    job = client.post("/api/v1/jobs", json={"prompt": "a lake", "steps": 2, "seed": 5}).json()
    found: dict[str, Any] = wait_for(client, job["id"])["pictures"][0]  # type: ignore[index]
    return found


def test_a_picture_is_a_png_that_may_be_kept(client: TestClient, picture: dict[str, Any]) -> None:
    answer = client.get(picture["url"])
    assert Image.open(io.BytesIO(answer.content)).size == (128, 128)
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"].startswith("inline")


def test_a_thumbnail_is_a_small_webp(client: TestClient, picture: dict[str, Any]) -> None:
    answer = client.get(picture["thumbnail"], params={"size": 64})
    small = Image.open(io.BytesIO(answer.content))
    assert (small.format, max(small.size)) == ("WEBP", 64)


def test_a_picture_says_what_it_was_made_with(client: TestClient, picture: dict[str, Any]) -> None:
    told = client.get(picture["url"] + "/parameters").json()
    assert told["request"]["seed"] == 5
    assert "Seed: 5" in told["infotext"]
    request, chosen = told["request"], told["chosen"]
    assert {"prompt", "seed"} <= set(chosen)
    assert "clip_skip" not in chosen
    assert parse_request({name: request[name] for name in chosen}) == parse_request(request)


def test_a_deleted_picture_is_gone_and_comes_back(
    client: TestClient, picture: dict[str, Any]
) -> None:
    assert client.delete(picture["url"]).status_code == 204
    assert client.get(picture["url"]).status_code == 404
    assert client.get("/api/v1/pictures").json() == []
    assert client.post(picture["url"] + "/restore").json()["id"] == picture["id"]
    assert client.get(picture["url"]).status_code == 200


def test_several_pictures_come_in_one_file(client: TestClient) -> None:
    job = client.post("/api/v1/jobs", json={"prompt": "a lake", "steps": 2, "count": 3}).json()
    pictures: Any = wait_for(client, job["id"])["pictures"]
    ids = [picture["id"] for picture in pictures[:2]]
    answer = client.post("/api/v1/pictures/archive", json={"pictures": [*ids, ids[0]]})
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="pictures.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        held = [packed.read(name) for name in packed.namelist()]
    assert held == [client.get(picture["url"]).content for picture in pictures[:2]]


@pytest.mark.parametrize(
    ("more", "status", "said"), [(["x" * 16], 404, "x" * 16), (["a"] * 500, 422, "500")]
)
def test_where_one_of_several_is_gone_no_file_comes(
    client: TestClient, picture: dict[str, Any], more: list[str], status: int, said: str
) -> None:
    answer = client.post("/api/v1/pictures/archive", json={"pictures": [picture["id"], *more]})
    assert answer.status_code == status
    assert said in answer.text


def test_a_picture_can_start_another_one(client: TestClient, picture: dict[str, Any]) -> None:
    image = client.post(picture["url"] + "/image").json()["id"]
    order = {"prompt": "winter", "steps": 2, "image": image, "denoising_strength": 0.5}
    job = client.post("/api/v1/jobs", json=order)
    assert job.status_code == 202
    assert wait_for(client, job.json()["id"])["state"] == "done"


@pytest.mark.parametrize("suffix", ["", "/thumbnail", "/parameters"])
@pytest.mark.parametrize("name", ["nothing", "..%2f..%2feasel.sqlite", "%00"])
def test_an_unknown_picture_is_404(refusing: TestClient, name: str, suffix: str) -> None:
    answer = refusing.get(f"/api/v1/pictures/{name}{suffix}")
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_an_image_goes_up_as_a_form_or_bare_and_is_named_by_content(
    client: TestClient, png: bytes
) -> None:
    form = client.post("/api/v1/images", files={"file": ("a.png", png, "image/png")})
    bare = client.post("/api/v1/images", content=png)
    assert form.status_code == bare.status_code == 201
    assert form.json() == bare.json()
    assert (form.json()["width"], form.json()["height"]) == (96, 64)
    back = client.get(f"/api/v1/images/{form.json()['id']}")
    assert Image.open(io.BytesIO(back.content)).size == (96, 64)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_is_no_picture_gets_a_sentence(refusing: TestClient, data: bytes) -> None:
    answer = refusing.post("/api/v1/images", files={"file": ("a.png", data, "image/png")})
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_a_form_without_a_file_says_what_is_missing(client: TestClient) -> None:
    answer = client.post("/api/v1/images", data={"other": "x"}, files={"odd": ("a", b"x")})
    assert answer.status_code == 400
    assert "'file'" in answer.json()["error"]


def test_an_unknown_image_is_404(client: TestClient) -> None:
    assert client.get("/api/v1/images/" + "0" * 64).status_code == 404


def test_pictures_are_searched_over_http(client: TestClient, picture: dict[str, Any]) -> None:
    def found(search: str) -> list[str]:
        answer = client.get("/api/v1/pictures", params={"search": search})
        return [listed["id"] for listed in answer.json()]

    prompt = client.get(f"{picture['url']}/parameters").json()["request"]["prompt"]
    assert found(prompt) == found(f"seed:{picture['seed']}") == [picture["id"]]
    assert found("zeppelin") == []


@pytest.mark.parametrize(("search", "status"), [("seed:x", 400), ("x" * 501, 422)])
def test_a_search_that_cannot_be_read_is_a_sentence(
    refusing: TestClient, search: str, status: int
) -> None:
    answer = refusing.get("/api/v1/pictures", params={"search": search})
    assert answer.status_code == status
    assert "search" in answer.json()["error"]


def test_the_bin_is_emptied_over_http(client: TestClient, picture: dict[str, Any]) -> None:
    assert client.get("/api/v1/bin").json() == {"pictures": 0, "bytes": 0, "refusal": None}
    client.delete(picture["url"])
    held = client.get("/api/v1/bin").json()
    assert held["pictures"] == 1
    assert client.delete("/api/v1/bin").json() == held
    assert client.post(f"{picture['url']}/restore").status_code == 404


def test_where_others_may_come_the_bin_is_not_emptied_over_http(tmp_path: Path) -> None:
    studio = build_studio(fake_settings(tmp_path, allowed_hosts=("easel.example",)))
    with TestClient(studio.guarded, base_url=ORIGIN) as client:
        answer = client.delete("/api/v1/bin")
    studio.lock.release()
    assert answer.status_code == 403
    assert "python launch.py pictures empty-bin" in answer.json()["error"]
