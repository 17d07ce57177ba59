"""A safetensors header is believed only where its numbers fit the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.weights.files import write_header, write_sparse
from webui.contracts.errors import BrokenModel
from webui.weights.read import read_weights
from webui.weights.safetensors_file import MAX_ELEMENTS, MAX_HEADER_BYTES


def _entry(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_names_types_shapes_and_notes_are_read(tmp_path: Path) -> None:
    header = read_weights(write_sparse(tmp_path / "a", {"x": [2, 3], "y": []}, "F32", {"k": "v"}))
    assert header.format == "safetensors"
    assert header.metadata == {"k": "v"}
    assert header.shapes == {"x": (2, 3), "y": ()}
    assert [header.tensors[n].dtype for n in ("x", "y")] == ["F32", "F32"]
    assert header.tensors["y"].offset == header.bytes - 4
    assert header.tensors["x"].count == 6


@pytest.mark.parametrize(
    ("header", "bytes_"),
    [
        ({"x": _entry("F32", [2], 0, 4)}, 4),
        ({"x": _entry("F32", [1], 0, 4), "y": _entry("F32", [1], 2, 6)}, 6),
        ({"x": _entry("F32", [1], 4, 8)}, 8),
        ({"x": _entry("F32", [1], 0, 4)}, 5),
        ({"x": _entry("F32", [-1], 0, 4)}, 4),
        ({"x": _entry("F32", ["1"], 0, 4)}, 4),
        ({"x": _entry("F99", [1], 0, 4)}, 4),
        ({"x": [1]}, 4),
        ({"x": {"dtype": "F32", "shape": [1]}}, 4),
        ([1, 2], 0),
        (b"{" * 5000, 0),
        (b'{"x": \xff}', 0),
    ],
    ids=[
        "too few bytes", "overlap", "a hole", "too long a file", "negative", "a text for a side",
        "unknown type", "no entry", "no place", "no object", "deeply nested", "no text",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_broken(tmp_path: Path, header: Any, bytes_: int) -> None:
    file = write_header(tmp_path / "a.safetensors", header, bytes(bytes_))
    with pytest.raises(BrokenModel, match=r"a\.safetensors"):
        read_weights(file)


def test_a_truncated_file_is_said_to_be_incomplete(tmp_path: Path) -> None:
    file = write_sparse(tmp_path / "a", {"x": [2, 3]})
    whole = file.read_bytes()
    for length in (5, 20, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(BrokenModel, match="may be incomplete"):
            read_weights(file)


def test_a_giant_header_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with file.open("wb") as stream:
        stream.write((MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b"{")
        stream.truncate(MAX_HEADER_BYTES * 2)
    with pytest.raises(BrokenModel, match="at most"):
        read_weights(file)
    write_header(file, b"[" + b"[]," * MAX_ELEMENTS)
    with pytest.raises(BrokenModel, match="parts"):
        read_weights(file)


def test_a_shape_of_more_dimensions_than_any_is_damage(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [1] * 33, "data_offsets": [0, 4]}
    file = write_header(tmp_path / "a", {"a": entry}, bytes(4))
    with pytest.raises(BrokenModel, match="33 dimensions"):
        read_weights(file)
