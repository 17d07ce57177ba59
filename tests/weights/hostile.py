"""Files that mean harm or are damaged, made from a seed: each is one that a stranger could hand over."""

from __future__ import annotations

import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from tests.weights.files import write_gguf, write_header

Make = Callable[[Path, random.Random], Path]


def hostile_files(folder: Path, count: int, marker: Path) -> Iterator[Path]:
    """Write `count` files one after another; `marker` is made by those that are unpickled."""
    sound = _sound_files(folder)
    kinds: tuple[Make, ...] = (
        lambda f, r: _cut(f, r, sound), lambda f, r: _flipped(f, r, sound), _giant_header,
        _overlapping, _wrong_shapes, _bomb, lambda f, r: _runs_code(f, r, marker), _climbing_names,
        _deep, _wild_pickle, _copies_much, _many_sides,
    )  # fmt: skip
    for seed in range(count):
        draw = random.Random(seed)
        yield kinds[seed % len(kinds)](folder / f"{seed}.bin", draw)


def _sound_files(folder: Path) -> list[bytes]:
    weights = {f"model.{i}.weight": torch.full((4, 5), torch.nan) for i in range(9)}
    files = [folder / name for name in ("a.safetensors", "a.pt", "a.ckpt", "a.gguf")]
    safetensors.torch.save_file(weights, files[0])
    torch.save({"state_dict": weights}, files[1])
    torch.save(weights, files[2], _use_new_zipfile_serialization=False)
    write_gguf(files[3], {f"t{i}": ("F32", (4,), bytes(16)) for i in range(9)})
    return [file.read_bytes() for file in files]


def _cut(file: Path, draw: random.Random, sound: list[bytes]) -> Path:
    whole = draw.choice(sound)
    file.write_bytes(whole[: draw.randrange(len(whole))])
    return file


def _flipped(file: Path, draw: random.Random, sound: list[bytes]) -> Path:
    """Bits anywhere; most are in the header, for these files hold little else."""
    raw = bytearray(draw.choice(sound))
    for _ in range(draw.randint(1, 20)):
        raw[draw.randrange(min(len(raw), 600))] ^= 1 << draw.randrange(8)
    file.write_bytes(raw)
    return file


def _giant_header(file: Path, draw: random.Random) -> Path:
    length = draw.choice([2**63, 2**40, 2**31, 90_000_000])
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", length) + b'{"')
        stream.truncate(draw.choice([100, 100_000_000]))
    return file


def _overlapping(file: Path, draw: random.Random) -> Path:
    begin = draw.randrange(1, 8)
    header = {
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [begin, begin + 8]},
    }
    return write_header(file, header, bytes(begin + 8))


def _wrong_shapes(file: Path, draw: random.Random) -> Path:
    shape: list[Any] = [draw.choice([-1, 2**62, "x", None, 1.5]), 2**62]
    entry = {"dtype": draw.choice(["F32", "F16", "?"]), "shape": shape, "data_offsets": [0, 8]}
    return write_header(file, {"a": entry}, bytes(8))


def _bomb(file: Path, draw: random.Random) -> Path:
    """An archive that is small and would be large."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(draw.choice([10**6, 10**7])))
    return file


def _runs_code(file: Path, draw: random.Random, marker: Path) -> Path:
    class Runs:
        def __reduce__(self) -> Any:
            command = f"open({str(marker)!r}, 'w').close()"
            return draw.choice([(exec, (command,)), (os.system, (f"touch {marker}",))])

    torch.save({"x": Runs()}, file, _use_new_zipfile_serialization=draw.random() < 0.5)
    return file


def _climbing_names(file: Path, draw: random.Random) -> Path:
    if draw.random() < 0.5:
        name = "../" * draw.randint(1, 9) + "etc/passwd"
        return write_header(
            file, {name: {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"x"
        )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../data.pkl", pickle.dumps({}))
    return file


def _deep(file: Path, draw: random.Random) -> Path:
    depth = draw.choice([10**4, 10**4, 10**4, 10**4, 10**5])
    if draw.random() < 0.5:
        return write_header(file, b'{"a":' + b"[" * depth)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + b"]" * depth + b"\x85" * depth + b".")
    return file


def _wild_pickle(file: Path, draw: random.Random) -> Path:
    """Instructions at random, which make sense only here and there."""
    codes = b"()]}ltdbaesu.0123RQ2hjqr\x85\x86\x87\x88\x89\x93\x94cioN"
    body = bytes(draw.choice(codes) for _ in range(draw.randint(5, 400)))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x04" + body + b".")
    return file


def _copies_much(file: Path, draw: random.Random) -> Path:
    """Few instructions, each of which would copy, count through or write out very much."""
    often = draw.randint(5_000, 30_000)
    lists = b"]q\x01" + b"](h\x01h\x01h\x01h\x01h\x01eq\x01" * 40
    body = draw.choice([
        # calls that go through one long list, tuple or text again and again
        b"(K\x01K\x02tq\x000](" + b"h\x00" * often + b"e\x85q\x01" + _named("collections", "OrderedDict")
        + b"q\x02" + b"h\x02h\x01R0" * often + b"N",
        _stored(b"X\x01\0\0\0x") + b"q\x010(" + b"K\x01" * often + b"tq\x02(h\x01K\0h\x02h\x02tq\x03"
        + _named("torch._utils", "_rebuild_tensor_v2") + b"q\x04" + b"h\x04h\x03R0" * often + b"N",
        b"(" + b"N" * often + b"tq\x010" + b"h\x01Q0" * often + b"N",
        b"X" + struct.pack("<I", 10**6) + b"ldm." + bytes(10**6 - 4) + b"q\x010" + b"h\x01h\x01\x930" * often + b"N",
        # a number of a million bytes as a key, and as a note
        b"\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6 + b"q\x010}" + b"h\x01Ns" * often,
        b"}X\x05\0\0\0epoch\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6 + b"s",
        # lists of themselves; and as a storage's key, which is written out
        b"]q\x01(" + b"h\x01" * often + b"e",
        lists + b"0" + _stored(b"h\x01"),
    ])  # fmt: skip
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x04" + body + b".")
    return file


def _named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def _stored(key: bytes) -> bytes:
    kind = _named("torch", "FloatStorage")
    return b"(X\x07\0\0\0storage" + kind + key + b"X\x03\0\0\0cpuK\x01tQ"


def _many_sides(file: Path, draw: random.Random) -> Path:
    """Shapes whose product is a number of millions of digits."""
    sides = draw.randint(33, 60_000)
    if draw.random() < 0.5:
        side = draw.choice([9, 10**18])
        entry = {"dtype": "F32", "shape": [side] * sides, "data_offsets": [0, 8]}
        return write_header(file, {"a": entry}, bytes(8))
    note = ("9" * 4000 + " ") * (sides // 100 + 1)
    metadata = {"comfy.gguf.orig_shape.t": note}
    write_gguf(file, {"t": ("F32", (4,), bytes(16))}, metadata)
    return file
