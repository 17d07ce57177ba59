"""Preprocessors of extensions are modules of the ControlNet extension's routes, too."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN
from tests.hooks.writing import write_extension
from webui.app import Studio

STUDIO = """
from webui.contracts.preprocessor import Preprocessor, Setting
from webui.hooks.specs import hookimpl

def run(pixels, values):
    if values["by"] == 9:
        raise RuntimeError("by nine")
    return pixels // int(values["by"])

@hookimpl
def preprocessors():
    return [Preprocessor("Dark (er)", "Darker.", ("tile",), run, (Setting("by", "By", 1, 9, 2),))]
"""
NAME = "book/Dark (er)"


@pytest.fixture
def used(studio: Studio, tmp_path: Path) -> Studio:
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    studio.context.extensions.enable("book")
    return studio


@pytest.fixture
def client(used: Studio) -> Iterator[TestClient]:
    """Before that studio."""
    with TestClient(used.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        yield made


def detected(client: TestClient, module: str, threshold: float = -1) -> tuple[int, str]:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 100, 50)).save(file, "PNG")
    body = {
        "controlnet_module": module, "controlnet_threshold_a": threshold,
        "controlnet_input_images": [b64encode(file.getvalue()).decode()],
    }  # fmt: skip
    answer = client.post("/controlnet/detect", json=body)
    if answer.status_code != 200:
        return answer.status_code, answer.text
    with Image.open(io.BytesIO(b64decode(answer.json()["images"][0]))) as made:
        return 200, str(made.convert("RGB").getpixel((0, 0)))


def test_a_preprocessor_of_an_extension_is_listed_with_its_settings_and_makes_pictures(
    client: TestClient, used: Studio
) -> None:
    listed = client.get("/controlnet/module_list").json()
    assert NAME in listed["module_list"]
    (slider,) = listed["module_detail"][NAME]["sliders"]
    assert (slider["name"], slider["value"], slider["max"]) == ("By", 2, 9)
    types = client.get("/controlnet/control_types").json()["control_types"]
    assert all(NAME in kind["module_list"] for kind in types.values())
    assert detected(client, NAME) == (200, "(100, 50, 25)")
    assert detected(client, NAME.upper(), threshold=4) == (200, "(50, 25, 12)")
    used.context.extensions.enable("book", wanted=False)
    assert NAME not in client.get("/controlnet/module_list").text
    status, said = detected(client, NAME)
    assert (status, "There is no preprocessor" in said) == (400, True)


def test_its_failure_is_named(client: TestClient, used: Studio) -> None:
    assert used.context.extensions.status("book").in_use
    status, said = detected(client, NAME, threshold=9)
    assert status == 500
    assert "The extension 'book' failed in its preprocessor" in said
    assert "by nine" in said
