"""Reads the header of a weights file of any format; which one it is, its first bytes say."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.errors import BrokenModel, NotAModel
from webui.weights.gguf_file import MAGIC, read_gguf
from webui.weights.header import WeightsHeader
from webui.weights.safetensors_file import read_safetensors
from webui.weights.torch_file import read_torch

ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
"""What weights files are called; the content decides all the same."""
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"


def read_weights(file: Path) -> WeightsHeader:
    """The header of a weights file; no weights are read and nothing is unpickled.

    Raises:
        NotAModel: it holds something else; `UnsafeModel`, if that would run code when opened.
        BrokenModel: it is damaged or incomplete.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            start = stream.read(64)
        _check_start(file, start)
        if start.startswith(MAGIC):
            return read_gguf(file, size)
        if start.startswith(_ZIP) or (start.startswith(_PICKLE) and start[8:9] != b"{"):
            return read_torch(file, size)
        return read_safetensors(file, size)
    except OSError as error:
        raise BrokenModel(f"{str(file)!r} cannot be read: {error}.") from error


def _check_start(file: Path, start: bytes) -> None:
    """Name what is often saved in a model's place."""
    if not start.strip(b"\0"):
        raise BrokenModel(f"{str(file)!r} is empty, or begins with zeros: download it again.")
    if start.startswith(b"version https://git-lfs"):
        raise NotAModel(
            f"{str(file)!r} is a Git LFS pointer: the model itself was not downloaded. Run 'git lfs pull' there."
        )
    if start.lstrip()[:5].lower() in (b"<!doc", b"<html"):
        raise NotAModel(
            f"{str(file)!r} is a web page, perhaps one that asks to sign in: download the model itself."
        )
