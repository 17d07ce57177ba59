"""The library over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import wait_for


@pytest.fixture
def key(client: TestClient) -> str:
    """The fake engine's model: no file stands behind it."""
    items = client.get("/api/v1/library").json()["items"]
    return str(items[0]["key"])


def test_notes_are_kept_and_shown_in_the_list(client: TestClient, key: str) -> None:
    notes = {"text": "mine", "triggers": ["x"], "defaults": {"steps": 7}}
    kept = client.put("/api/v1/library/notes", params={"key": key}, json=notes)
    assert kept.status_code == 200
    told = client.get("/api/v1/library/notes", params={"key": key}).json()
    assert (told["notes"]["text"], told["notes"]["defaults"]["steps"]) == ("mine", 7)
    assert (told["beside"]["triggers"], told["beside"]["weight"]) == ([], None)
    assert client.get("/api/v1/library").json()["items"][0]["triggers"] == ["x"]
    model = next(m for m in client.get("/api/v1/models").json() if f"model:{m['id']}" == key)
    assert model["defaults"]["steps"] == 7
    wrong = client.put("/api/v1/library/notes", params={"key": key}, json={"weight": 99})
    assert (wrong.status_code, "weight" in wrong.json()["error"]) == (422, True)


def test_a_picture_of_the_gallery_becomes_a_preview(client: TestClient, key: str) -> None:
    assert client.get("/api/v1/library/preview", params={"key": key}).status_code == 404
    job = client.post("/api/v1/jobs", json={"prompt": "a boat", "steps": 2}).json()
    done: dict[str, Any] = wait_for(client, job["id"])
    (picture,) = done["pictures"]
    set_to = {"picture": picture["id"]}
    assert (
        client.put("/api/v1/library/preview", params={"key": key}, json=set_to).status_code == 204
    )
    shown = client.get("/api/v1/library/preview", params={"key": key})
    assert (shown.headers["content-type"], shown.content[8:12]) == ("image/webp", b"WEBP")
    assert client.get("/api/v1/library").json()["items"][0]["has_preview"]
    assert client.delete("/api/v1/library/preview", params={"key": key}).status_code == 204
    assert client.get("/api/v1/library/preview", params={"key": key}).status_code == 404


def test_what_is_not_there_is_a_sentence(client: TestClient, tmp_path: Path) -> None:
    missing = client.delete("/api/v1/library", params={"key": "lora:none"})
    assert (missing.status_code, "lora:none" in missing.json()["error"]) == (404, True)
    assert client.post("/api/v1/library/restore", json={"binned": "x"}).status_code == 404
