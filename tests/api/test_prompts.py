"""Prompts, styles and wildcards over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import wait_for

OIL = {"name": "oil/thick", "prompt": "an oil painting of {prompt}", "negative_prompt": "photo"}


def test_a_prompt_is_counted_and_its_mistakes_are_placed(client: TestClient) -> None:
    body = {"prompt": "a (red house", "negative_prompt": "BREAK rain"}
    answer = client.post("/api/v1/prompts/reading", json=body).json()
    prompt, negative = answer["prompt"], answer["negative_prompt"]
    assert (prompt["places"], prompt["room"], prompt["cut"], prompt["drawn"]) == (3, 75, 0, None)
    (problem,) = prompt["problems"]
    assert (problem["start"], problem["end"]) == (2, 3)
    assert "is never closed" in problem["sentence"]
    assert (negative["room"], negative["problems"]) == (150, [])
    assert answer["ways"] is None
    assert client.get("/api/v1/jobs").json() == []


def test_a_style_is_saved_used_and_deleted(client: TestClient) -> None:
    assert client.get("/api/v1/styles").json() == []
    assert client.post("/api/v1/styles", json=OIL).status_code == 201
    assert client.get("/api/v1/styles").json() == [OIL]
    order = {"prompt": "a boat", "styles": ["oil/thick"], "steps": 2}
    job = client.post("/api/v1/jobs", json=order).json()
    assert client.delete("/api/v1/styles/oil/thick").status_code == 204
    assert client.get("/api/v1/styles").json() == []
    done: dict[str, Any] = wait_for(client, job["id"])
    (picture,) = done["pictures"]
    told = client.get(f"/api/v1/pictures/{picture['id']}/parameters").json()
    assert told["request"]["prompt"] == "an oil painting of a boat"
    assert told["infotext"].startswith("an oil painting of a boat\nNegative prompt: photo\n")
    missing = client.post("/api/v1/jobs", json=order)
    assert missing.status_code == 422
    assert "styles is 'oil/thick'" in missing.json()["error"]


def test_what_cannot_be_saved_or_deleted_is_a_sentence(client: TestClient) -> None:
    empty = client.post("/api/v1/styles", json={"name": "x"})
    assert (empty.status_code, "says nothing" in empty.json()["error"]) == (400, True)
    gone = client.delete("/api/v1/styles/none")
    assert (gone.status_code, "no style 'none'" in gone.json()["error"]) == (404, True)


@pytest.fixture
def colours(tmp_path: Path) -> None:
    (tmp_path / "wildcards" / "warm").mkdir(parents=True)
    (tmp_path / "wildcards" / "warm" / "colour.txt").write_text("red\norange\n")


@pytest.mark.usefixtures("colours")
def test_each_picture_tells_what_it_was_drawn_from(client: TestClient) -> None:
    assert client.get("/api/v1/wildcards").json() == ["warm/colour"]
    assert client.get("/api/v1/prompts/words").json()["wildcards"] == ["warm/colour"]
    order = {"prompt": "a __warm/*__ boat", "count": 2, "steps": 2, "seed": 3}
    order["prompt_choices"] = "Combinatorial"
    job = client.post("/api/v1/jobs", json=order).json()
    done: dict[str, Any] = wait_for(client, job["id"])
    told = [
        client.get(f"/api/v1/pictures/{picture['id']}/parameters").json()
        for picture in done["pictures"]
    ]
    assert [one["request"]["prompt"] for one in told] == ["a red boat", "a orange boat"]
    assert [one["request"]["seed"] for one in told] == [3, 4]
    assert "Template: a __warm/*__ boat" in told[1]["infotext"]
    again = client.post("/api/v1/jobs", json=told[1]["request"]).json()
    assert again["request"]["prompt"] == "a orange boat"
    assert again["request"]["texts"] == []


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("a __warm/color__", "Did you mean __warm/colour__"),
        ("<hypernet:x:1:2>", "no name with a weight"),
    ],
)
def test_words_that_cannot_be_drawn_refuse_the_order(
    client: TestClient, prompt: str, says: str
) -> None:
    answer = client.post("/api/v1/jobs", json={"prompt": prompt})
    assert answer.status_code in (400, 422)
    assert says in answer.json()["error"]
    assert client.get("/api/v1/jobs").json() == []
