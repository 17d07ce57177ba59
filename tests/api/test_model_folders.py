"""Folders of models over HTTP."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from tests.services.models import write_model
from webui.app import build_studio
from webui.contracts.events import LibraryChanged
from webui.contracts.fakes import FakeWorker
from webui.contracts.settings import Settings

FOLDERS = "/api/v1/library/folders"


def test_one_is_added_counted_and_removed_and_the_page_is_told(tmp_path: Path) -> None:
    other = tmp_path / "ComfyUI"
    write_model(other / "models" / "checkpoints" / "m")
    settings = Settings(data_dir=tmp_path / "data", repository=tmp_path / "program")
    made = build_studio(settings, FakeWorker)
    told: list[object] = []
    made.context.events.subscribe(told.append)
    with TestClient(made.guarded, base_url=ORIGIN) as client:
        answer = client.post(FOLDERS, json={"path": str(other)})
        assert answer.status_code == 201
        assert [f for f in answer.json()["folders"] if f["is_added"]] == [
            {
                "path": str(other), "is_added": True, "program": "ComfyUI or Fooocus",
                "is_there": True, "count": 1,
            }
        ]  # fmt: skip
        assert [item["id"] for item in client.get("/api/v1/library").json()["items"]] == ["checkpoints/m"]  # fmt: skip
        assert client.get(FOLDERS).json() == answer.json()
        gone = client.delete(FOLDERS, params={"path": str(other)})
        assert [f["is_added"] for f in gone.json()["folders"]] == [False, False]
        assert client.get("/api/v1/library").json()["items"] == []
    made.stop()
    assert [event for event in told if isinstance(event, LibraryChanged)] == [LibraryChanged()] * 2


def test_what_cannot_be_added_is_a_sentence(client: TestClient, tmp_path: Path) -> None:
    answer = client.post(FOLDERS, json={"path": str(tmp_path / "none")})
    assert (answer.status_code, "There is no folder" in answer.json()["error"]) == (400, True)
    assert client.post(FOLDERS, json={"path": ""}).status_code == 422
    assert client.delete(FOLDERS, params={"path": str(tmp_path)}).status_code == 404


def test_where_others_reach_the_studio_no_path_is_told(tmp_path: Path) -> None:
    made = build_studio(fake_settings(tmp_path, allowed_hosts=("studio.example",)))
    with TestClient(made.guarded, base_url=ORIGIN) as client:
        seen = client.get(FOLDERS).json()
        assert seen["folders"] == []
        asked = client.post(FOLDERS, json={"path": str(tmp_path)})
        assert (asked.status_code, asked.json()["error"]) == (403, seen["refusal"])
        assert client.delete(FOLDERS, params={"path": "/"}).status_code == 403
    made.stop()
