"""Writes a new extension that works, for its author to change: `python launch.py extensions new NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from webui.contracts.errors import BadExtension
from webui.contracts.extension import API_VERSION
from webui.contracts.parameters.extension_arguments import EXTENSION_NAME

_MANIFEST = """\
name = "NAME"
version = "0.1.0"
easel = ">=VERSION,<2"
title = "TITLE"
summary = "Warms the colours of a picture, and adds words to its prompt."
arguments = "arguments:TYPE"
"""

_ARGUMENTS = '''\
"""What a request may say to this extension; each field becomes a control, and each has a default."""

from pydantic import BaseModel, Field


class TYPE(BaseModel):
    """Values under `extensions.NAME` of a request."""

    warmth: float = Field(0.5, ge=0, le=1, title="Warmth", description="0 leaves the picture as it is.")
    words: str = Field("", title="Words", description="Put behind the prompt.")
'''

_STUDIO = '''\
"""What runs in the studio process, which never imports torch."""

from dataclasses import replace

from webui.contracts.access import Prompts
from webui.hooks.specs import hookimpl

from .arguments import TYPE


@hookimpl
def change_prompts(prompts: Prompts, arguments: TYPE) -> Prompts | None:
    """The prompt with the words of the arguments behind it; None leaves it as it is."""
    if not arguments.words:
        return None
    return replace(prompts, prompt=f"{prompts.prompt}, {arguments.words}")
'''

_WORKER = '''\
"""What runs in the worker process, where the pictures are drawn."""

import numpy as np

from webui.hooks.specs import hookimpl

from .arguments import TYPE

WARMEST = np.array([1.2, 1.0, 0.8])
"""What red, green and blue are multiplied by at warmth 1."""


@hookimpl
def change_picture(pixels: np.ndarray, arguments: TYPE) -> np.ndarray:
    """The finished picture, (height, width, 3) of uint8, in warmer colours."""
    factors = 1 + arguments.warmth * (WARMEST - 1)
    return np.clip(np.rint(pixels * factors), 0, 255).astype(np.uint8)
'''

_TEST = '''\
"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

import numpy as np

from webui.contracts.access import Prompts
from webui.hooks.loading import load_arguments, load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
TYPE = load_arguments(MANIFEST)
GREY = np.full((2, 2, 3), 100, np.uint8)


def test_a_grey_picture_becomes_warmer() -> None:
    warm = load_module(MANIFEST, "worker").change_picture(GREY, TYPE(warmth=1))
    assert warm[0, 0].tolist() == [120, 100, 80]


def test_no_warmth_leaves_the_picture_as_it_is() -> None:
    assert (load_module(MANIFEST, "worker").change_picture(GREY, TYPE(warmth=0)) == GREY).all()


def test_words_are_put_behind_the_prompt() -> None:
    studio = load_module(MANIFEST, "studio")
    assert studio.change_prompts(Prompts("a boat", ""), TYPE(words="at dusk")).prompt == "a boat, at dusk"
    assert studio.change_prompts(Prompts("a boat", ""), TYPE()) is None
'''

FILES: Mapping[str, str] = {
    "extension.toml": _MANIFEST,
    "arguments.py": _ARGUMENTS,
    "studio.py": _STUDIO,
    "worker.py": _WORKER,
    "tests/test_NAME.py": _TEST,
}
"""By path, with NAME, TITLE, TYPE and VERSION where the extension's own stand."""


def write_new(parent: Path, name: str) -> Path:
    """Write the folder of a new extension; the folder.

    Raises:
        BadExtension: the name is none, or there is something of that name already.
    """
    if not EXTENSION_NAME.fullmatch(name):
        raise BadExtension(
            f"The name is {name[:100]!r}, expected at most 40 of a-z, 0-9 and _, a letter first."
        )
    folder = parent / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise BadExtension(
            f"There is a {folder} already; choose another name, or remove it."
        ) from None
    words = {
        "NAME": name,
        "TITLE": name.replace("_", " ").capitalize(),
        "TYPE": "".join(part.capitalize() for part in name.split("_")) + "Arguments",
        "VERSION": API_VERSION,
    }
    for path, text in FILES.items():
        file = folder / _filled(path, words)
        file.parent.mkdir(exist_ok=True)
        file.write_text(_filled(text, words), "utf-8")
    return folder


def _filled(text: str, words: Mapping[str, str]) -> str:
    for mark, word in words.items():
        text = text.replace(mark, word)
    return text
