"""What Easel ships that uses the extension points: its own extensions, and examples to read. None of it is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from webui.contracts.extension import PROCESSES

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "extensions"
EXAMPLES: Mapping[str, str] = {
    "aspect": "an order is changed before it is checked, in ten lines",
    "ralston": "a sampler, in twenty lines",
    "pixelart": "an upscaler",
    "voc": "a palette",
    "zerostar": "a guidance method",
    "discreet": "what is told of a picture is changed",
    "darkroom": "a picture is changed at each place of its way, and a schedule and a preprocessor",
    "notebook": "a tab, a panel and a button, the routes behind them, settings and wildcards",
    "logbook": "the studio, its jobs and the worker are listened to; a script of the page, and a command",
    "detailer": "a wrapped program, and keys of other programs that are understood",
    "deepshrink": "the network is patched, in the early steps of a picture",
    "ddpm": "a family of models",
}
"""By name, the simplest first: what each shows."""
_FILES = (
    "webui/hooks/builtin/*.py",
    "webui/engine/builtin/*.py",
    *(f"extensions/{name}/{process}.py" for name in EXAMPLES for process in PROCESSES),
)
"""Where hooks are implemented: Easel's own, then the examples."""


def users() -> Mapping[str, tuple[str, ...]]:
    """The files that use each extension point, by its name; Easel's own come first."""
    found: dict[str, tuple[str, ...]] = {}
    for pattern in _FILES:
        for file in sorted(REPOSITORY.glob(pattern)):
            for point in _marked(file):
                found[point] = (*found.get(point, ()), file.relative_to(REPOSITORY).as_posix())
    return found


def _marked(file: Path) -> list[str]:
    """Names of the functions and methods of a module that are marked `hookimpl`."""
    nodes = ast.walk(ast.parse(file.read_text("utf-8")))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return [each.name for each in functions if "hookimpl" in map(ast.unparse, each.decorator_list)]
