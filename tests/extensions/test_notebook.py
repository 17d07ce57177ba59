"""The notebook in a studio: its routes, its settings, what it hears, and that it goes again."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from tests.extensions.loading import EXAMPLES
from tests.workers.listening import SECONDS
from webui.app import build_studio

ALL = "/api/v1/extensions/notebook"
NOTES = f"{ALL}/notes"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A studio that has the notebook in use."""
    shutil.copytree(EXAMPLES / "notebook", tmp_path / "extensions" / "notebook")
    (tmp_path / "extensions.json").write_text(json.dumps(["notebook"]))
    studio = build_studio(fake_settings(tmp_path))
    studio.start()
    assert studio.context.extensions.studio.settled.wait(20)
    with TestClient(studio.guarded, base_url=ORIGIN) as made:
        yield made
    studio.stop()


def drawn(client: TestClient, prompt: str) -> Any:
    body = {"prompt": prompt, "negative_prompt": "rain", "steps": 1, "width": 64, "height": 64}
    return wait_for(client, client.post("/api/v1/jobs", json=body).json()["id"])


def test_a_note_is_written_found_changed_and_thrown_away(client: TestClient) -> None:
    made = client.post(NOTES, json={"text": "for the cover", "prompt": "a red boat"})
    assert made.status_code == 201
    client.post(NOTES, json={"prompt": "a house"})
    assert client.get(NOTES, params={"find": "BOAT cover"}).json() == [made.json()]
    one = f"{NOTES}/{made.json()['id']}"
    assert client.put(one, json={"text": "for the back"}).json()["prompt"] == "a red boat"
    assert client.delete(one).status_code == 204
    assert [note["prompt"] for note in client.get(NOTES).json()] == ["a house"]
    gone = client.delete(one)
    assert (gone.status_code, "no note" in gone.json()["error"]) == (404, True)


def test_a_note_of_a_picture_has_its_words(client: TestClient) -> None:
    picture = drawn(client, "a boat at dawn")["pictures"][0]["id"]
    note = client.post(NOTES, json={"picture": picture}).json()
    assert (note["prompt"], note["negative_prompt"]) == ("a boat at dawn", "rain")
    assert client.post(NOTES, json={"picture": "none"}).status_code == 404


def test_new_words_are_noted_where_that_is_wished(client: TestClient) -> None:
    drawn(client, "unnoted")
    client.put(f"{ALL}/settings", json={"keep_prompts": True})
    for prompt in ("a boat", "a boat", "a house"):
        drawn(client, prompt)
    until = time.monotonic() + SECONDS
    while len(found := client.get(NOTES).json()) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert [note["prompt"] for note in found] == ["a house", "a boat"]
    client.put(f"{ALL}/settings", json={"keep_prompts": False, "shown": 1})
    assert len(client.get(NOTES).json()) == 1


def test_disabled_it_answers_no_more_and_keeps_its_notes(client: TestClient) -> None:
    client.post(NOTES, json={"text": "kept"})
    client.put(ALL, json={"enabled": False})
    assert client.get(NOTES).status_code == 404
    client.put(ALL, json={"enabled": True})
    assert [note["text"] for note in client.get(NOTES).json()] == ["kept"]
