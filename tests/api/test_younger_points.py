"""Points of version 1.1: preprocessors, wildcards and commands of extensions."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.hooks.writing import write_extension
from webui.app import Studio
from webui.contracts.settings import Settings
from webui.extension_commands import run_extensions
from webui.services.extension_state import ExtensionState

STUDIO = """
from webui.contracts.preprocessor import Preprocessor, Setting
from webui.hooks.specs import hookimpl

def halved(pixels, values):
    if values["by"] == 9:
        raise RuntimeError("by nine")
    return pixels // int(values["by"])

@hookimpl
def preprocessors():
    return [Preprocessor("dark", "Darker.", ("tile",), halved, (Setting("by", "By", 1, 9, 2),)),
            Preprocessor("odd", "Of another size.", ("tile",), lambda pixels, values: pixels[:1])]

@hookimpl
def wildcards(access):
    return {"hues": ["red", "0.5::blue # rarely"], access.folder.name: ["own"]}

@hookimpl
def commands(folder):
    def fails(words):
        raise RuntimeError("not today")
    def keep(words):
        (folder / "kept.txt").write_text(" ".join(words))
        return len(words)
    return {"keep": keep, "fails": fails}
"""


@pytest.fixture
def used(studio: Studio, tmp_path: Path) -> Studio:
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    studio.context.extensions.enable("book")
    return studio


def _preprocess(client: TestClient, name: str, **settings: float) -> tuple[int, str]:
    picture = Image.fromarray(np.full((8, 8, 3), 200, np.uint8))
    file = BytesIO()
    picture.save(file, "PNG")
    image = client.post("/api/v1/images", content=file.getvalue()).json()["id"]
    body = {"image": image, "preprocessor": name, "settings": settings}
    answer = client.post("/api/v1/preprocess", json=body)
    return answer.status_code, str(answer.json().get("id") or answer.json()["error"])


def test_a_preprocessor_is_listed_used_and_its_failure_named(
    client: TestClient, used: Studio
) -> None:
    names = [each["name"] for each in client.get("/api/v1/preprocessors").json()]
    assert names[-2:] == ["book/dark", "book/odd"]
    status, made = _preprocess(client, "book/dark", by=4)
    assert status == 201
    with Image.open(BytesIO(client.get(f"/api/v1/images/{made}").content)) as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (50, 50, 50)
    for name, settings, said in (
        ("book/dark", {"by": 9}, "by nine"),
        ("book/odd", {}, "(8, 8, 3) of uint8 was expected"),
    ):
        status, error = _preprocess(client, name, **settings)
        assert status == 500
        assert "The extension 'book' failed in its preprocessor" in error
        assert said in error
    assert {f.hook for f in used.context.extensions.status("book").failures} == {"preprocessors"}
    used.context.extensions.enable("book", wanted=False)
    assert _preprocess(client, "book/dark")[0] == 422


def test_wildcards_are_drawn_from_completed_and_gone_with_it(
    client: TestClient, used: Studio
) -> None:
    store = used.context.words.wildcards
    assert store.names() == ("book/book", "book/hues")
    draw = store.entries()
    assert len(draw("book/hues")) == 2
    assert len(draw("BOOK/*")) == 3
    body = {"prompt": "a __book/book__ boat", "steps": 1, "width": 64, "height": 64}
    job = client.post("/api/v1/jobs", json=body).json()
    assert job["request"]["texts"][0]["prompt"] == "a own boat"
    used.context.extensions.enable("book", wanted=False)
    assert client.post("/api/v1/jobs", json=body).status_code == 422


def test_commands_run_without_a_studio(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, repository=tmp_path)
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)

    def run(*words: str) -> tuple[int, str]:
        said: list[str] = []
        return run_extensions(["run", *words], settings, said.append), "\n".join(said)

    assert "is not enabled" in run("book", "keep")[1]
    ExtensionState(tmp_path).enable("book", wanted=True)
    assert run("book") == (0, "book has fails, keep.")
    assert run("book", "keep", "two", "words") == (2, "")
    assert (tmp_path / "outputs/.extensions/book/kept.txt").read_text() == "two words"
    status, said = run("book", "fails")
    assert (status, "not today" in said, "failed in its command 'fails'" in said) == (1, True, True)
    assert "has no command 'gone'; it has fails, keep" in run("book", "gone")[1]
    assert "no extension 'pen'" in run("pen")[1]
