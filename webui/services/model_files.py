"""What the files of models say without loading them: JSON, safetensors headers, cards.

No weights are read and nothing is unpickled, so a folder takes milliseconds.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webui.contracts.errors import BrokenModel

EASEL_FILE = "easel.json"
MAX_HEADER_BYTES = 100_000_000


@dataclass(frozen=True)
class WeightsHeader:
    """The header of a safetensors file."""

    tensors: Mapping[str, tuple[str, int]]
    """Name to type, as in 'F16', and number of weights."""
    metadata: Mapping[str, str]
    """What the writer noted of the file."""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Name to shape."""


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        BrokenModel: it is missing, damaged, or holds something else.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenModel(f"{str(file)!r} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise BrokenModel(
            f"{str(file)!r} holds a {type(content).__name__}; a JSON object was expected."
        )
    return content


def read_easel(folder: Path) -> dict[str, Any]:
    """What `easel.json` beside a model says; empty where there is none.

    Raises:
        BrokenModel: it is damaged.
    """
    file = folder / EASEL_FILE
    return read_json(file) if file.is_file() else {}


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one part: the plain ones, or those of a variant such as fp16.

    Raises:
        BrokenModel: there is none.
    """
    files = sorted(f for f in folder.glob("*.safetensors") if f.is_file())
    plain = [f for f in files if "." not in f.stem]
    if chosen := plain or files:
        return chosen
    hint = (
        " It has pickled weights (.bin); convert them to safetensors."
        if list(folder.glob("*.bin"))
        else ""
    )
    raise BrokenModel(f"{str(folder)!r} holds no .safetensors file.{hint}")


def read_header(file: Path) -> WeightsHeader:
    """The header of a safetensors file.

    Raises:
        BrokenModel: it is damaged, or the file is shorter or longer than it says.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            start = stream.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise BrokenModel(
                    f"{str(file)!r} has {size} bytes and no whole header: the download may be incomplete."
                )
            raw = stream.read(length)
    except OSError as error:
        raise BrokenModel(f"{str(file)!r} cannot be read: {error}.") from error
    try:
        header = json.loads(raw)
        metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
        tensors = {name: (str(v["dtype"]), math.prod(v["shape"])) for name, v in header.items()}
        shapes = {name: tuple(map(int, v["shape"])) for name, v in header.items()}
        offsets = (int(v["data_offsets"][1]) for v in header.values())
        end = 8 + len(raw) + max(offsets, default=0)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BrokenModel(f"The header of {str(file)!r} cannot be read: {error}.") from error
    if end != size:
        raise BrokenModel(
            f"{str(file)!r} has {size} bytes where its header announces {end}: the download may be incomplete."
        )
    return WeightsHeader(tensors, metadata, shapes)


def read_card(folder: Path) -> tuple[str, str]:
    """Title and first sentence of the model's card; empty where it has none."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "", ""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    heading = re.search(r"^# +(.+)$", text, flags=re.MULTILINE)
    paragraphs = [p.strip() for p in text.split("\n\n")]
    prose = next((p for p in paragraphs if p and not p.startswith(("#", "!", "|", "<", "["))), "")
    sentence = re.match(r".+?[.!?](?=\s|$)", " ".join(prose.split()))
    return heading[1].strip() if heading else "", sentence[0] if sentence else " ".join(
        prose.split()
    )[:200]
