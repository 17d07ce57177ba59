"""What the API says of extensions, and what it takes for them."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from tests.hooks.writing import write_extension
from webui.app import Studio
from webui.contracts.events import ExtensionsChanged

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


def test_it_is_switched_on_and_off_and_the_page_is_told(
    client: TestClient, studio: Studio, tmp_path: Path
) -> None:
    heard: list[object] = []
    studio.context.events.subscribe(heard.append)
    write_extension(
        tmp_path / "extensions", "book", studio=STUDIO, arguments=ARGUMENTS, tabs=["img2img"],
        permissions=["network"],
    )  # fmt: skip
    assert client.get("/api/v1/extensions").json()[0]["hooks"] == ["samplers", "schedules"]
    book = client.put("/api/v1/extensions/book", json={"enabled": True}).json()
    assert (book["in_use"], book["forms"]) == (True, ["img2img"])
    assert book["permissions"] == {"network": "speaks with other computers"}
    (field,) = book["fields"]
    assert (field["name"], field["kind"], field["high"]) == ("strength", "float", 1)
    assert heard.count(ExtensionsChanged()) == 1
    assert not client.put("/api/v1/extensions/book", json={"enabled": False}).json()["in_use"]
    assert client.put("/api/v1/extensions/gone", json={"enabled": True}).status_code == 404
    assert client.put("/api/v1/extensions/book", json={"on": True}).status_code == 422


def test_a_page_of_another_origin_switches_nothing(client: TestClient, tmp_path: Path) -> None:
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    answer = client.put(
        "/api/v1/extensions/book", json={"enabled": True}, headers={"origin": "http://evil.test"}
    )
    assert answer.status_code == 403
    assert not client.get("/api/v1/extensions").json()[0]["enabled"]


SETTINGS = """
from pydantic import BaseModel, Field
from webui.hooks.specs import hookimpl

class Settings(BaseModel):
    most: int = Field(20, ge=1)

@hookimpl
def settings():
    return Settings
"""


def test_settings_are_seen_and_changed_and_checked(client: TestClient, tmp_path: Path) -> None:
    write_extension(tmp_path / "extensions", "book", studio=SETTINGS)
    place = "/api/v1/extensions/book/settings"
    assert client.get(place).status_code == 404
    client.put("/api/v1/extensions/book", json={"enabled": True})
    assert client.get(place).json()["values"] == {"most": 20}
    assert client.put(place, json={"most": 3}).json()["values"] == {"most": 3}
    refused = client.put(place, json={"most": 0})
    assert refused.json()["problems"][0]["field"] == "settings.book.most"
    assert client.get("/api/v1/extensions").json()[0]["settings"]["values"] == {"most": 3}
