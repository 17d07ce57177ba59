"""What the files beside a model's weights say: JSON, cards, settings that suit it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import DEFAULTED
from webui.contracts.errors import BrokenModel, InvalidField
from webui.contracts.request import parse_request

EASEL_FILE = "easel.json"


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


# Any: JSON that a person wrote.
def read_defaults(said: Mapping[str, Any], file: str) -> tuple[tuple[str, str | int | float], ...]:
    """The `defaults` of a file: what suits the model, checked as a request's fields are.

    Raises:
        BrokenModel: a request would not take them.
    """
    defaults = said.get("defaults", {})
    if not isinstance(defaults, dict) or not set(defaults) <= set(DEFAULTED):
        raise BrokenModel(
            f"The 'defaults' of {file} is {repr(defaults)[:100]}; an object of {', '.join(DEFAULTED)} was expected."
        )
    try:
        checked = parse_request({"prompt": "", **defaults})
    except InvalidField as error:
        raise BrokenModel(f"The defaults in {file} cannot be used: {error}") from error
    return tuple((name, getattr(checked, name)) for name in DEFAULTED if name in defaults)


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
