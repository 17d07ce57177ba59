"""Names that come from elsewhere, made safe to use as names of files."""

from __future__ import annotations

import re

from webui.contracts.errors import BadRequest

WEIGHTS = (".safetensors", ".gguf", ".ckpt", ".pt", ".pth", ".bin", ".sft")
"""Endings of files that hold weights."""
ENDINGS = (*WEIGHTS, ".json", ".txt", ".md", ".model", ".png")
"""Endings that are fetched: nothing that any program would run."""
MOST_CHARACTERS = 120
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def safe_path(path: str) -> str:
    """A relative path as it came, '/' separated, if it can lead nowhere else.

    Raises:
        BadRequest: a part of it is hidden, reserved, too long or leads upwards, or its ending is not
            that of a model's file.
    """
    parts = path.split("/")
    if len(parts) > 8 or not all(_is_plain(part) for part in parts):
        raise BadRequest(
            f"The file is called {path[:200]!r}, which cannot be kept: names without '..', leading dots and "
            f'any of \\ : * ? " < > | were expected, {MOST_CHARACTERS} characters at most.'
        )
    if not path.lower().endswith(ENDINGS):
        raise BadRequest(
            f"{path[:200]!r} is no file of a model; expected is one of {', '.join(ENDINGS)}."
        )
    return path


def is_safe(path: str) -> bool:
    """Whether `safe_path` takes it."""
    try:
        safe_path(path)
    except BadRequest:
        return False
    return True


def safe_name(name: str) -> str:
    """A folder's or file's name without its ending, made of any text; never empty."""
    plain = re.sub(r"\s+", " ", _FORBIDDEN.sub("", name.replace("/", "--"))).strip(" .")
    plain = plain[:MOST_CHARACTERS].strip(" .") or "unnamed"
    return f"_{plain}" if _RESERVED.fullmatch(plain) else plain


def stem(path: str) -> str:
    """The name of a file without folder and ending; dots that are part of it stay."""
    name = path.rsplit("/", 1)[-1]
    ending = next((e for e in ENDINGS if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)]


def ending(path: str) -> str:
    """The ending of a file, with its dot."""
    return path.rsplit("/", 1)[-1][len(stem(path)) :]


def _is_plain(part: str) -> bool:
    return (
        0 < len(part) <= MOST_CHARACTERS
        and part[0] != "."
        and part[-1] not in " ."
        and not _FORBIDDEN.search(part)
        and not _RESERVED.fullmatch(part)
    )
