"""Embeddings in pictures, as AUTOMATIC1111 writes them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.contracts.embedding_picture import KEYWORD, vectors_in_picture


def write_picture(file: Path, told: object) -> Path:
    """A picture that holds an embedding; nothing of it where `told` is None."""
    info = PngInfo()
    if told is not None:
        info.add_text(KEYWORD, base64.b64encode(json.dumps(told).encode()).decode())
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    return file


def told(vectors: object) -> dict[str, object]:
    return {
        "string_to_token": {"*": 265}, "string_to_param": {"*": {"TORCHTENSOR": vectors}},
        "name": "x", "step": 100,
    }  # fmt: skip


def test_the_vectors_are_read(tmp_path: Path) -> None:
    vectors = [[0.5, -1.0, 2.0], [1.0, 0.0, 0.25]]
    assert vectors_in_picture(write_picture(tmp_path / "a.png", told(vectors))) == vectors


def test_another_picture_holds_none(tmp_path: Path) -> None:
    assert vectors_in_picture(write_picture(tmp_path / "a.png", None)) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "cannot be read"),
        ({"string_to_param": {"*": 3}}, "cannot be read"),
        ({"string_to_param": {"a": {}, "b": {}}}, "cannot be read"),
        (told([["x"]]), "cannot be read"),
        (told([[1.0], [1.0, 2.0]]), r"2 vectors of the widths \[1, 2\]"),
        (told([]), "0 vectors"),
        (told([[1.0]] * 76), "76 vectors"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        vectors_in_picture(write_picture(tmp_path / "a.png", content))
