"""Sees that a point's marked test fails where the host is deaf to the point: `python -m tests.deaf [POINT ...]`.

A test names its point by `@pytest.mark.point("name")`. As a plugin of pytest (`-p tests.deaf --deaf NAME`) this makes
every host of the process ignore the point, and leaves the tests that are marked with it.
"""

from __future__ import annotations

import sys

import pytest

from webui.hooks.host import HookHost
from webui.hooks.specs import NAMES

TESTS_FAILED = pytest.ExitCode.TESTS_FAILED
NO_TESTS = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_addoption(parser: pytest.Parser) -> None:
    """The point that is ignored."""
    parser.addoption("--deaf", default="", help="Ignore this extension point.")


def pytest_configure(config: pytest.Config) -> None:
    """Make hosts find nobody who uses the point."""
    deaf, found = config.getoption("--deaf"), HookHost._implementations

    def hear(host: HookHost, hook: str) -> object:
        return [] if hook == deaf else found(host, hook)

    if deaf:
        HookHost._implementations = hear  # type: ignore[method-assign,assignment]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the point."""
    if deaf := config.getoption("--deaf"):
        items[:] = [i for i in items if any(deaf in mark.args for mark in i.iter_markers("point"))]


def main(names: list[str]) -> int:
    """The exit status: 1 where a point has no marked test, or one that passes all the same."""
    import subprocess

    silent = []
    for name in names or NAMES:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-p",
            "tests.deaf",
            "--deaf",
            name,
            "tests",
        ]
        ended = subprocess.run(command, capture_output=True, check=False)
        said = {int(TESTS_FAILED): "missed, as it should be", int(NO_TESTS): "no marked test"}
        sys.stdout.write(f"{name}: {said.get(ended.returncode, 'not missed')}\n")
        silent += [name] if ended.returncode != TESTS_FAILED else []
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
