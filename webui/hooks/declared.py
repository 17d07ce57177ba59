"""Which extension points an extension's modules name, read without running them."""

from __future__ import annotations

import ast
import inspect
from difflib import get_close_matches
from functools import lru_cache
from threading import Lock

from webui.contracts.extension import Manifest
from webui.hooks import specs
from webui.hooks.points import PLAIN
from webui.hooks.specs import POINTS

_PARSING = Lock()
"""Python 3.11 counts the depth of all threads that parse in one place (SystemError: recursion depth mismatch)."""


def declared_hooks(manifest: Manifest) -> tuple[str, ...]:
    """Names of extension points in `studio.py` and `worker.py`, in the order of the list of all.

    A module that cannot be read names none; loading it says why.
    """
    named = {name for process in manifest.processes for name in _names(manifest, process)}
    return tuple(name for name in POINTS if name in named)


def unmarked_hooks(manifest: Manifest) -> tuple[str, ...]:
    """Functions of `studio.py` and `worker.py` that are called like extension points and lack `hookimpl`."""
    return tuple(
        each.name
        for process in manifest.processes
        for each in _functions(manifest, process)
        if each.name in POINTS and not any("hookimpl" in ast.dump(d) for d in each.decorator_list)
    )


def async_hooks(manifest: Manifest) -> tuple[str, ...]:
    """Functions of `studio.py` and `worker.py` that are called like extension points and written with `async def`."""
    return tuple(
        each.name
        for process in manifest.processes
        for each in _functions(manifest, process)
        if each.name in POINTS and isinstance(each, ast.AsyncFunctionDef)
    )


def signature_faults(manifest: Manifest) -> tuple[str, ...]:
    """What is wrong with the modules, a sentence each: what cannot be read, and names, process and arguments of hooks."""
    faults = []
    for process in manifest.processes:
        if unreadable := _unreadable(manifest, process):
            faults.append(unreadable)
        for each in _functions(manifest, process):
            if not any("hookimpl" in ast.dump(mark) for mark in each.decorator_list):
                continue
            fault = _fault(each, process)
            if fault:
                faults.append(
                    f"{process}.py of the extension {manifest.name!r}: {each.name} {fault}."
                )
    return tuple(faults)


def _fault(function: ast.FunctionDef | ast.AsyncFunctionDef, process: str) -> str:
    if isinstance(function, ast.AsyncFunctionDef):
        return f"is written with 'async def', which nobody runs; {PLAIN.rstrip('.')}"
    point = POINTS.get(function.name)
    if point is None:
        near = get_close_matches(function.name, POINTS, 1)
        return f"is no extension point; {near[0]} is one" if near else "is no extension point"
    if point.process != process:
        return f"is called in the {point.process} process; move it to {point.process}.py"
    known = list(inspect.signature(getattr(specs, function.name)).parameters)
    given = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    asked = given[: len(given) - len(function.args.defaults)]
    unknown = [name for name in asked if name not in known]
    return (
        f"takes {unknown[0]!r}; known are {', '.join(known) or 'no arguments'}" if unknown else ""
    )


def _functions(manifest: Manifest, process: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [each for each in _body(manifest, process) if isinstance(each, kinds)]


def _unreadable(manifest: Manifest, process: str) -> str:
    """Why a module cannot be read, as a sentence; empty where it can."""
    if _body(manifest, process):
        return ""
    try:
        _statements((manifest.folder / f"{process}.py").read_bytes())
    except SyntaxError as error:
        return f"{process}.py of the extension {manifest.name!r} cannot be read: line {error.lineno}: {error.msg}."
    except (OSError, ValueError) as error:
        return f"{process}.py of the extension {manifest.name!r} cannot be read: {error}."
    return ""


def _body(manifest: Manifest, process: str) -> list[ast.stmt]:
    try:
        return _statements((manifest.folder / f"{process}.py").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []


@lru_cache(maxsize=256)
def _statements(source: bytes) -> list[ast.stmt]:
    """Of one module; each list of extensions asks for all of them.

    Raises:
        SyntaxError, ValueError: it is no Python.
    """
    with _PARSING:
        return ast.parse(source).body


def _names(manifest: Manifest, process: str) -> set[str]:
    functions = {each.name for each in _functions(manifest, process)}
    brought = {
        alias.asname or alias.name
        for each in _body(manifest, process)
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    ours = {name for name, point in POINTS.items() if point.process == process}
    return (functions | brought) & ours
