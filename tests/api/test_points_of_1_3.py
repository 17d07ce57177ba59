"""Points of version 1.3 over HTTP: prompt functions, and what is told of a picture."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from starlette.testclient import TestClient

from tests.api.conftest import wait_for
from tests.hooks.writing import write_extension
from webui.app import Studio

STUDIO = """
from dataclasses import replace
from webui.contracts.errors import BadRequest
from webui.hooks.specs import hookimpl

def refuses(call):
    raise BadRequest("Rhymes are not made here.")

def fails(call):
    raise RuntimeError("no rhyme")

@hookimpl
def prompt_functions():
    return {"loud": lambda call: call.arguments[0].upper() + str(int(call.chance.random() * 1000)),
            "fails": fails, "refuses": refuses, "odd": lambda call: 5}

@hookimpl
def change_metadata(draft):
    words = draft.request.prompt
    if words == "fail":
        raise RuntimeError("nothing to tell")
    if words == "odd":
        return "a text"
    if words == "bad key":
        return replace(draft, keys={"Steps: 5, Seed": "1"})
    told = draft.request.model_copy(update={"prompt": "told", "texts": (), "template": ""})
    return replace(draft, request=told, keys={"Credit": "a, b"})
"""


@pytest.fixture
def used(studio: Studio, tmp_path: Path) -> Studio:
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    studio.context.extensions.enable("book")
    assert studio.context.extensions.status("book").failures == ()
    return studio


def order(client: TestClient, prompt: str, **fields: Any) -> Any:  # Any: JSON
    body = {"prompt": prompt, "seed": 4, "steps": 1, "width": 64, "height": 64, **fields}
    return client.post("/api/v1/jobs", json=body)


@pytest.mark.point("prompt_functions")
def test_a_function_s_words_are_drawn_by_the_seed_and_its_failure_is_named(
    client: TestClient, used: Studio
) -> None:
    first, again, other = (
        order(client, "a ${book/loud({sea})}", seed=seed).json()["request"]["texts"][0]["prompt"]
        for seed in (4, 4, 5)
    )
    assert first.startswith("a SEA")
    assert first == again != other
    own = order(client, "${number(3|3)} boats").json()["request"]
    assert own["texts"][0]["prompt"] == "3 boats"
    refused = order(client, "a ${book/quiet(x)}")
    assert refused.status_code == 400
    assert "no prompt function 'book/quiet'" in refused.text
    assert "book/loud" in refused.text
    assert "Rhymes are not made here." in order(client, "${book/refuses()}").json()["error"]
    for name in ("fails", "odd"):
        failed = order(client, f"${{book/{name}()}}")
        assert failed.status_code >= 400
        assert f"'book' failed in its prompt function '{name}'" in failed.json()["error"]
    failures = used.context.extensions.status("book").failures
    assert {failure.hook for failure in failures} == {"prompt_functions"}
    used.context.extensions.enable("book", wanted=False)
    assert order(client, "a ${book/loud(x)}").status_code == 400


@pytest.mark.point("change_metadata")
def test_what_is_told_is_in_the_file_and_the_record_is_whole(
    client: TestClient, used: Studio
) -> None:
    assert used.context.extensions.status("book").failures == ()
    job = order(client, "a secret", extensions={"book": {}}).json()
    wait_for(client, job["id"])
    (picture,) = client.get(f"/api/v1/jobs/{job['id']}").json()["pictures"]
    data = client.get(f"/api/v1/pictures/{picture['id']}").content
    with Image.open(BytesIO(data)) as file:
        assert isinstance(file, PngImageFile)
        texts = file.text
    assert "secret" not in str(texts)
    assert texts["parameters"].startswith("told\n")
    assert 'Credit: "a, b", Version' in texts["parameters"]
    assert json.loads(texts["easel"])["keys"] == {"Credit": "a, b"}
    assert "secret" in client.get(f"/api/v1/jobs/{job['id']}").text
    read = client.post("/api/v1/parameters/reading", content=data).json()
    assert (read["fields"]["prompt"], read["others"]) == ("told", {"Credit": "a, b"})


def test_one_that_fails_fails_the_job_rather_than_tell_it(client: TestClient, used: Studio) -> None:
    for prompt, reason in (
        ("fail", "nothing to tell"), ("odd", "PictureDraft was expected"), ("bad key", "letters, digits"),
    ):  # fmt: skip
        job = order(client, prompt, extensions={"book": {}}).json()
        ended = wait_for(client, job["id"])
        assert ended["state"] == "failed"
        assert "'book' failed when it had to change the metadata" in str(ended["error"])
        assert reason in str(ended["error"])
