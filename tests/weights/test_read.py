"""What a file is, its content says; what is often saved in a model's place is called by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.weights.files import write_sparse
from webui.contracts.errors import BrokenModel, NotAModel
from webui.weights.read import read_weights


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    assert read_weights(write_sparse(tmp_path / "a.ckpt", {"x": [1]})).format == "safetensors"
    torch.save({"x": torch.ones(1)}, tmp_path / "b.safetensors")
    assert read_weights(tmp_path / "b.safetensors").format == "pickle"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"<html>", "web page"),
    ],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(NotAModel, match=sentence):
        read_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", bytes(100)])
def test_an_empty_file_is_broken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(BrokenModel, match="empty"):
        read_weights(tmp_path / "a.safetensors")


def test_a_missing_file_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="cannot be read"):
        read_weights(tmp_path / "nowhere")
