"""Sees that a point's marked tests fail where the hosts are deaf to the point: `python -m tests.deaf [POINT ...]`.

A test names its points by `@pytest.mark.point("name")`. All marked tests are run in one process: as they are, where they
must pass, and once for each of their points, where every host ignores that point. Then they must fail in their body: not
pass, and not fail before it begins.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from webui.hooks.host import HookHost
from webui.hooks.specs import NAMES

REPOSITORY = Path(__file__).resolve().parents[1]
HEARD = ""
"""What stands for no point: hosts hear all."""
_PARAMETER = "deaf_to"
_KEPT = {"module", "class", "package"}
"""Scopes of fixtures that one test leaves to the next, which may be deaf to another point."""


def marks_of(file: Path) -> Iterator[str]:
    """The points that tests of a file are marked with, read without running it."""
    text = file.read_text("utf-8")
    for node in ast.walk(ast.parse(text)) if "mark.point(" in text else ():
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.point":
                yield from (ast.literal_eval(name) for name in mark.args)


def marked_files() -> dict[Path, set[str]]:
    """The files with tests that are marked with points, and with which."""
    found = {file: {*marks_of(file)} for file in (REPOSITORY / "tests").rglob("test_*.py")}
    return {file: points for file, points in found.items() if points}


class Deaf:
    """A plugin of pytest that leaves the marked tests, and deafens the hosts to one point at each."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.run = dict.fromkeys(names, 0)
        """Marked tests of each point."""
        self.faults: dict[str, list[str]] = {name: [] for name in (HEARD, *names)}
        """By point: what its tests did that they should not."""
        self._present = HEARD

    def hears(self) -> None:
        """Have hosts find nobody who uses the present point."""
        found = HookHost._implementations

        def hear(host: HookHost, hook: str) -> object:
            return [] if hook == self._present else found(host, hook)

        HookHost._implementations = hear  # type: ignore[method-assign,assignment]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a marked test as it is, and once for each of its points."""
        named = {name for mark in metafunc.definition.iter_markers("point") for name in mark.args}
        if points := [name for name in self.names if name in named]:
            metafunc.fixturenames.append(_PARAMETER)
            every = (HEARD, *points)
            metafunc.parametrize(_PARAMETER, every, indirect=True, scope="function", ids=_called)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave what was made so; none of it may have fixtures that outlast it but those of the session."""
        items[:] = [item for item in items if point_of(item) is not None]
        for item in items:
            info = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest's own
            if kept := [n for n, found in info.items() if {f.scope for f in found} & _KEPT]:
                said = f"{item.nodeid} has {kept[0]} in common with others; a marked test needs its own."
                raise pytest.UsageError(said)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Deaf from before its fixtures until after them."""
        self._present = point_of(item) or HEARD
        try:
            return (yield)
        finally:
            self._present = HEARD

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what should not be: a body passes that is deaf, or fails that is not; all else must pass."""
        is_deaf = report.when == "call" and self._present != HEARD
        self.run[self._present] = self.run.get(self._present, 0) + is_deaf
        if report.outcome != ("failed" if is_deaf else "passed"):
            where = f"its {report.when}" if report.when != "call" else "its body"
            self.faults[self._present].append(f"{report.nodeid} {report.outcome} in {where}")


def point_of(item: pytest.Item) -> str | None:
    """The point that a test is run deaf to; `HEARD` where it hears all, None for any other test."""
    made = getattr(item, "callspec", None)
    return None if made is None else made.params.get(_PARAMETER)


def _called(point: str) -> str:
    return point or "hears all"


def main(names: Sequence[str]) -> int:
    """The exit status: 1 where a point has no marked test, or one that does not fail in its body."""
    if unknown := [name for name in names if name not in NAMES]:
        sys.stdout.write(f"There is no point {unknown[0]!r}; there are {', '.join(NAMES)}.\n")
        return 2
    deaf = Deaf(names or NAMES)
    deaf.hears()
    files = [str(file) for file, points in marked_files().items() if points & {*deaf.names}]
    pytest.main(["-q", "-n", "0", "--tb=no", "-rN", *files], plugins=[deaf])
    wrong = 0
    for name, faults in deaf.faults.items():
        if name != HEARD and not deaf.run[name]:
            faults.append("no marked test was run")
        said = faults or ([f"missed by {deaf.run[name]}"] if name != HEARD else ["fine"])
        sys.stdout.write(f"{_called(name)}: " + "\n    ".join(said) + "\n")
        wrong += bool(faults)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
