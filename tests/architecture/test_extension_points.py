"""Every extension point is documented, tested, and used by something that this repository ships."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from webui.hooks import specs
from webui.hooks.docs import README

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = (
    "extensions/*/studio.py",
    "extensions/*/worker.py",
    "webui/hooks/builtin/*.py",
    "webui/engine/builtin/*.py",
)


def implemented(pattern: str) -> Iterator[str]:
    """Names of the functions marked `hookimpl` in files."""
    for file in REPOSITORY.glob(pattern):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                ast.unparse(mark).startswith("hookimpl") for mark in node.decorator_list
            ):
                yield node.name


def test_each_point_has_a_user_that_is_shipped() -> None:
    used = {name for pattern in SHIPPED for name in implemented(pattern)}
    assert set(specs.POINTS) - used == set()


def test_each_point_is_in_a_test() -> None:
    """As a function that a test's extension has: in the test's code or in a text that it writes to disk."""
    tests = [file for file in (REPOSITORY / "tests").rglob("*.py") if file != Path(__file__)]
    text = "\n".join(file.read_text("utf-8") for file in tests)
    shipped = {n for pattern in SHIPPED[:2] for n in implemented(pattern)}
    untested = {n for n in specs.POINTS if f"def {n}(" not in text and n not in shipped}
    assert untested == set()


def test_each_point_is_documented_where_authors_look() -> None:
    text = README.read_text("utf-8")
    for name in specs.POINTS:
        assert inspect.getdoc(getattr(specs, name))
        assert f"### `{name}(" in text
