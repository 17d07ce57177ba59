"""Modules of the example extensions, imported as the studio and the worker import them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from webui.hooks.loading import load_module, unload
from webui.hooks.manifest import read_manifest

EXAMPLES = Path(__file__).resolve().parents[2] / "extensions"


@contextmanager
def imported(name: str, module: str) -> Iterator[Any]:  # Any: a module's names have no type
    """A module of an example; it is gone at the end."""
    try:
        yield load_module(read_manifest(EXAMPLES / name), module)
    finally:
        unload(name)
