"""Which extension points an extension's modules name, read without running them."""

from __future__ import annotations

import ast

from webui.contracts.extension import Manifest
from webui.hooks.specs import POINTS


def declared_hooks(manifest: Manifest) -> tuple[str, ...]:
    """Names of extension points in `studio.py` and `worker.py`, in the order of the list of all.

    A module that cannot be read names none; loading it says why.
    """
    named = {name for process in manifest.processes for name in _names(manifest, process)}
    return tuple(name for name in POINTS if name in named)


def _names(manifest: Manifest, process: str) -> set[str]:
    try:
        module = ast.parse((manifest.folder / f"{process}.py").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    functions = {each.name for each in module.body if isinstance(each, ast.FunctionDef)}
    brought = {
        alias.asname or alias.name
        for each in module.body
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    ours = {name for name, point in POINTS.items() if point.process == process}
    return (functions | brought) & ours
