"""How a picture was made, read over HTTP."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tests.api.conftest import wait_for

TEXT = "a fox\nSteps: 9, Sampler: Euler, CFG scale: 3, Seed: 4, Face restoration: CodeFormer"


def test_a_text_is_read(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/parameters/reading", content=TEXT, headers={"content-type": "text/plain"}
    ).json()
    assert (answer["fields"]["prompt"], answer["fields"]["steps"]) == ("a fox", 9)
    assert answer["others"] == {"Face restoration": "CodeFormer"}
    assert len(answer["notes"]) == 1


def test_a_picture_that_was_drawn_here_tells_its_whole_request(client: TestClient) -> None:
    order = {"prompt": "a fox", "steps": 3, "clip_skip": 2, "width": 64}
    done: dict[str, Any] = wait_for(client, client.post("/api/v1/jobs", json=order).json()["id"])
    picture = client.get(done["pictures"][0]["url"]).content
    answer = client.post("/api/v1/parameters/reading", content=picture).json()
    assert answer["notes"] == []
    assert {name: answer["fields"][name] for name in order} == order
    form = client.post("/api/v1/parameters/reading", files={"file": ("a.png", picture)})
    assert form.json() == answer


def test_what_tells_nothing_is_refused(client: TestClient, png: bytes) -> None:
    answer = client.post("/api/v1/parameters/reading", content=png)
    assert (answer.status_code, "Nothing in this file" in answer.json()["error"]) == (400, True)
