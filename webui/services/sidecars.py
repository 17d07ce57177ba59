"""What AUTOMATIC1111 and its extensions left beside a model's file; read for people who move over, never written.

`name.json` is what a person wrote there in the card of a model; `name.civitai.info` is what the site said when the
file was fetched. What is noted here wins over both.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.contracts.notes import MAX_NOTE_CHARACTERS

MOST_BYTES = 2**20
"""Of a file that is read: those of the site have some 30,000."""
CARD, SITE = ".json", ".civitai.info"
_VERSIONS: Mapping[str, str] = {"SD1": "SD 1", "SD2": "SD 2", "SD3": "SD 3", "Unknown": ""}
"""How AUTOMATIC1111 calls what a model is made for, where that differs."""
_LONGEST, _MOST_WORDS = 500, 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sidecar:
    """What lies beside a file; all may be empty."""

    title: str = ""
    description: str = ""
    base: str = ""
    triggers: tuple[str, ...] = ()
    weight: float | None = None
    """Preferred, of a LoRA."""
    text: str = ""
    """A person's notes, and the words for the negative prompt."""


NOTHING = Sidecar()


def sidecar_files(file: Path) -> tuple[Path, Path]:
    """The card and what the site said, whether they are there or not."""
    stem = file.with_suffix("")
    return stem.with_name(stem.name + CARD), stem.with_name(stem.name + SITE)


def read_sidecars(file: Path) -> Sidecar:
    """What lies beside a file of weights. What cannot be read is named in the log and passed over."""
    card, site = (_object(path) for path in sidecar_files(file))
    weight = card.get("preferred weight")
    usable = isinstance(weight, int | float) and not isinstance(weight, bool)
    version = _text(card, "sd version")
    words = site.get("trainedWords")
    trained = [w.strip()[:_LONGEST] for w in words if isinstance(w, str)] if isinstance(words, list) else []  # fmt: skip
    model = site.get("model")
    negative = _text(card, "negative text", MAX_NOTE_CHARACTERS)
    notes = [_text(card, "notes", MAX_NOTE_CHARACTERS), negative and f"Negative: {negative}"]
    return Sidecar(
        title=_text(model, "name") if isinstance(model, dict) else "",
        description=_text(card, "description"),
        base=_VERSIONS.get(version, version) or _text(site, "baseModel"),
        triggers=_phrases(_text(card, "activation text", MAX_NOTE_CHARACTERS))
        or tuple(word for word in trained if word)[:_MOST_WORDS],
        # AUTOMATIC1111 writes 0 where none is preferred; NaN is in no range.
        weight=float(weight) if usable and weight and -10 <= weight <= 10 else None,
        text="\n".join(note for note in notes if note)[:MAX_NOTE_CHARACTERS],
    )


# Any, here and below: JSON that another program wrote.
def read_beside(file: Path) -> dict[str, Any]:
    """The object in `name.json` beside a file; empty where there is none, or none that can be read."""
    return _object(sidecar_files(file)[0])


def _object(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            return {}
        if (size := path.stat().st_size) > MOST_BYTES:
            _log.warning("%s is passed over: it has %d bytes, more than such a file needs.", path, size)  # fmt: skip
            return {}
        content = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("%s is passed over: it cannot be read: %s", path, error)
        return {}
    if not isinstance(content, dict):
        _log.warning("%s is passed over: it holds no JSON object.", path)
        return {}
    return content


def _text(said: Mapping[str, Any], key: str, most: int = _LONGEST) -> str:
    value = said.get(key)
    # Lone surrogates can come in through JSON escapes and would fail later, in a database.
    return value.strip()[:most].encode("utf-8", "replace").decode() if isinstance(value, str) else ""  # fmt: skip


def _phrases(text: str) -> tuple[str, ...]:
    """Words as they are put into a prompt; in brackets a comma may belong to them."""
    pieces = [text] if set(text) & set("()[]<>{}") else text.split(",")
    return tuple(piece.strip()[:_LONGEST] for piece in pieces if piece.strip())[:_MOST_WORDS]
