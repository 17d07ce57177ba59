"""A GGUF header is believed only where its numbers fit the file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.weights.files import write_gguf
from webui.contracts.errors import BrokenModel
from webui.weights.read import read_weights

_TENSORS = {"a": ("F32", (2, 3), bytes(24)), "b": ("Q8_0", (4, 32), bytes(4 * 34))}


def test_names_types_shapes_and_notes_are_read(tmp_path: Path) -> None:
    notes: dict[str, str | int | list[int]] = {"general.architecture": "flux", "n": 7, "l": [1, 2]}
    header = read_weights(write_gguf(tmp_path / "x.gguf", _TENSORS, notes))
    assert header.format == "gguf"
    assert header.metadata == {"general.architecture": "flux", "n": "7", "l": "1 2"}
    assert header.shapes == {"a": (2, 3), "b": (4, 32)}
    assert header.tensors["b"].dtype == "Q8_0"
    assert header.tensors["b"].offset == header.bytes - 160


def test_a_shape_that_was_changed_for_packing_is_given_back(tmp_path: Path) -> None:
    notes: dict[str, str | int | list[int]] = {"comfy.gguf.orig_shape.b": [8, 4, 2, 2]}
    header = read_weights(write_gguf(tmp_path / "x.gguf", _TENSORS, notes))
    assert header.shapes["b"] == (8, 4, 2, 2)


@pytest.mark.parametrize("place", [4, 8, 16, 24, 33])
@pytest.mark.parametrize("value", [2**31 - 1, 2**63 - 1, 2**64 - 1])
def test_impossible_numbers_are_broken(tmp_path: Path, place: int, value: int) -> None:
    file = write_gguf(tmp_path / "x.gguf", _TENSORS)
    raw = bytearray(file.read_bytes())
    raw[place : place + 8] = struct.pack("<Q", value)
    file.write_bytes(raw)
    with pytest.raises(BrokenModel, match=r"x\.gguf"):
        read_weights(file)


def test_a_truncated_file_is_broken(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "x.gguf", _TENSORS)
    whole = file.read_bytes()
    for length in (6, 30, 90, len(whole) - 40):
        file.write_bytes(whole[:length])
        with pytest.raises(BrokenModel):
            read_weights(file)
