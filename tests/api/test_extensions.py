"""What the API says of extensions, and what it takes for them."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from tests.hooks.writing import write_extension
from webui.app import Studio

STUDIO = """
from webui.contracts.choices import SamplerInfo
from webui.hooks.specs import hookimpl

@hookimpl
def samplers():
    return [SamplerInfo("Straight", (), "Karras", False, 1)]

@hookimpl
def schedules():
    return {"Even": "Evenly spaced"}
"""
ARGUMENTS = """
from pydantic import BaseModel, Field

class Model(BaseModel):
    strength: float = Field(0.5, ge=0, le=1)
"""


def test_extensions_are_listed_with_the_schema_of_their_arguments(
    client: TestClient, studio: Studio, tmp_path: Path
) -> None:
    assert client.get("/api/v1/extensions").json() == []
    write_extension(tmp_path / "extensions", "book", studio=STUDIO, arguments=ARGUMENTS)
    write_extension(tmp_path / "extensions", "odd", studio="", easel=">=9")
    studio.context.extensions.enable("book")
    book, odd = client.get("/api/v1/extensions").json()
    assert (book["name"], book["enabled"], book["in_use"], book["problems"]) == (
        "book", True, True, [],
    )  # fmt: skip
    assert book["arguments"]["properties"]["strength"]["maximum"] == 1
    assert (odd["in_use"], odd["arguments"]) == (False, None)
    assert "is for extension points >=9" in odd["problems"][0]
    assert client.get("/api/v1/samplers").json()[-1]["name"] == "book/Straight"
    assert client.get("/api/v1/schedules").json()[-1]["name"] == "book/Even"


def test_an_order_says_its_arguments_by_name_and_is_refused_by_name(
    client: TestClient, studio: Studio, tmp_path: Path
) -> None:
    write_extension(tmp_path / "extensions", "book", studio=STUDIO, arguments=ARGUMENTS)
    studio.context.extensions.enable("book")
    order = {"prompt": "a boat", "steps": 1, "sampler": "book/Straight"}
    taken = client.post("/api/v1/jobs", json={**order, "extensions": {"book": {}}})
    assert taken.status_code == 202
    assert taken.json()["request"]["extensions"] == {"book": {"strength": 0.5}}
    refused = client.post("/api/v1/jobs", json={**order, "extensions": {"book": {"strength": 2}}})
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["field"] == "extensions.book.strength"
    studio.context.extensions.enable("book", wanted=False)
    assert client.post("/api/v1/jobs", json=order).status_code == 422
