"""Tensors of a file are views of it, equal to what was written."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.engine.packed.reference import reference
from tests.weights.files import write_gguf, write_header
from webui.contracts.errors import BrokenModel
from webui.engine.packed.weight import PackedWeight
from webui.engine.weights import ADVICE, _advise, open_weights, read_ahead


def test_tensors_of_every_type_are_as_they_were_written(tmp_path: Path) -> None:
    base = torch.arange(-6.0, 6).reshape(3, 4)
    dtypes = (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn,
        torch.float8_e5m2, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )  # fmt: skip
    content = {str(dtype): base.to(dtype) for dtype in dtypes}
    content |= {"scalar": torch.tensor(5.0), "empty": torch.empty(0, 2)}
    safetensors.torch.save_file(content, tmp_path / "a.safetensors")
    weights = open_weights(tmp_path / "a.safetensors")
    assert set(weights) == set(content)
    for name, tensor in content.items():
        assert weights[name].dtype == tensor.dtype
        assert torch.equal(weights[name].float(), tensor.float()), name


def test_numbers_at_odd_addresses_are_read(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    for spaces in range(4):
        raw = b'{"x":' + b" " * spaces + str(entry).replace("'", '"').encode() + b"}"
        data = torch.tensor([1.5, -2.0]).numpy().tobytes()
        file = write_header(tmp_path / "a.safetensors", raw, data)
        assert open_weights(file)["x"].tolist() == [1.5, -2.0]


def test_a_tensor_is_a_view_of_the_file(tmp_path: Path) -> None:
    safetensors.torch.save_file(
        {"x": torch.ones(4), "y": torch.ones(4)}, tmp_path / "a.safetensors"
    )
    weights = open_weights(tmp_path / "a.safetensors")
    first, second = weights["x"], weights["y"]
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()


def test_a_part_is_taken_by_the_beginning_of_its_names(tmp_path: Path) -> None:
    content = {"vae.a": torch.ones(1), "vae.b": torch.zeros(1), "unet.a": torch.zeros(2)}
    safetensors.torch.save_file(content, tmp_path / "a.safetensors")
    part = open_weights(tmp_path / "a.safetensors").below("vae.")
    assert {name: tensor.tolist() for name, tensor in part.items()} == {"a": [1.0], "b": [0.0]}


def test_packed_numbers_are_what_they_stand_for(tmp_path: Path) -> None:
    raw = bytes(range(144))
    file = write_gguf(
        tmp_path / "a.gguf", {"x": ("Q4_K", (2, 128), raw), "y": ("Q4_K", (1, 256), raw)}
    )
    weights = open_weights(file)
    expected = torch.tensor(reference(raw, "Q4_K"))
    assert torch.equal(weights["x"], expected.view(2, 128))  # a block over two rows
    assert torch.equal(weights["y"], expected.view(1, 256))
    assert isinstance(weights.stored("y"), PackedWeight)


def test_a_type_that_this_program_cannot_compute_with_is_named(tmp_path: Path) -> None:
    entry = {"x": {"dtype": "U64", "shape": [1], "data_offsets": [0, 8]}}
    with pytest.raises(BrokenModel, match="U64"):
        open_weights(write_header(tmp_path / "a.safetensors", entry, bytes(8)))["x"]


def test_eight_bits_are_multiplied_by_the_scale_beside_them(tmp_path: Path) -> None:
    numbers = torch.tensor([[1.0, -2.0]]).to(torch.float8_e4m3fn)
    content = {
        "a.weight": numbers, "a.scale_weight": torch.tensor([0.5]), "a.scale_input": torch.ones(1),
        "b.weight": numbers.clone(), "b.weight_scale": torch.tensor(2.0), "c.weight": numbers.clone(),
        "scaled_fp8": torch.empty(0, dtype=torch.float8_e4m3fn),
    }  # fmt: skip
    safetensors.torch.save_file(content, tmp_path / "a.safetensors")
    weights = open_weights(tmp_path / "a.safetensors")
    assert sorted(weights) == ["a.weight", "b.weight", "c.weight"]
    assert len(weights) == 3
    assert weights["a.weight"].tolist() == [[0.5, -1.0]]
    assert weights["b.weight"].tolist() == [[2.0, -4.0]]
    assert weights["c.weight"].dtype is torch.float8_e4m3fn


@pytest.mark.parametrize("scale", [torch.ones(2), torch.tensor(torch.inf)])
def test_a_scale_that_is_no_number_is_broken(tmp_path: Path, scale: torch.Tensor) -> None:
    content = {"a.weight": torch.zeros(2, 2).to(torch.float8_e5m2), "a.scale_weight": scale}
    safetensors.torch.save_file(content, tmp_path / "a.safetensors")
    with pytest.raises(BrokenModel, match=r"scale of 'a\.weight'"):
        open_weights(tmp_path / "a.safetensors")["a.weight"]


def test_a_whole_file_is_read_ahead_in_the_background_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(bytes(2 * ADVICE + 1))
    told = queue.SimpleQueue[tuple[int, int, int]]()
    node = file.stat().st_ino

    def advise(descriptor: int, *said: int) -> None:
        if os.fstat(descriptor).st_ino == node:  # a model of another test may still be read ahead
            told.put(said)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "posix_fadvise", advise)
    read_ahead([tmp_path / "missing", tmp_path, file])
    for begin in (0, ADVICE, 2 * ADVICE):
        assert told.get(timeout=40) == (begin, ADVICE, os.POSIX_FADV_WILLNEED)
    assert told.empty()


def test_no_more_is_read_ahead_than_memory_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for file in (first, second):
        file.write_bytes(bytes(2 * ADVICE))
    begins, here = list[int](), threading.get_ident()

    def advise(_: int, begin: int, *_more: int) -> None:
        if threading.get_ident() == here:  # a model of another test may still be read ahead
            begins.append(begin)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr("webui.engine.weights.free_bytes", lambda _: 3 * ADVICE)
    _advise([first, second])
    assert begins == [0, ADVICE, 0]


def test_where_the_system_cannot_read_ahead_nothing_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fadvise")
    read_ahead([tmp_path])
