"""Every extension point is documented, tested, and used by something that this repository ships."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from tests.deaf import marked_files
from webui.engine.builtin import BUILTIN as WORKER_BUILTIN
from webui.hooks import specs
from webui.hooks.builtin import BUILTIN as STUDIO_BUILTIN
from webui.hooks.docs import README
from webui.hooks.examples import EXAMPLES, FOLDER, users
from webui.hooks.host import HookHost
from webui.hooks.loading import load_module, unload
from webui.hooks.manifest import read_manifest
from webui.hooks.points import FACTS, facts_of

REPOSITORY = Path(__file__).resolve().parents[2]


def hooks_of(process: str, name: str, extension: object) -> set[str]:
    """The points at which a host of this process would call an extension."""
    host = HookHost(process)
    host.register(extension, name)
    return {*host.hooks_of(name)}


def used_by_builtin() -> set[str]:
    studio = (hooks_of("studio", *each) for each in STUDIO_BUILTIN)
    worker = (hooks_of("worker", *each) for each in WORKER_BUILTIN)
    return set[str]().union(*studio, *worker)


def used_by_examples() -> set[str]:
    used = set[str]()
    for name in EXAMPLES:
        manifest = read_manifest(FOLDER / name)
        for process in manifest.processes:
            used |= hooks_of(process, name, load_module(manifest, process))
            unload(name)
    return used


def test_each_point_has_a_user_that_is_shipped_and_that_authors_are_told_of() -> None:
    """As hosts take them, not as they are written down."""
    used = used_by_builtin() | used_by_examples()
    assert set(specs.POINTS) - used == set()
    assert set(users()) == used


def test_each_example_is_told_of_and_shipped() -> None:
    lines = (REPOSITORY / ".gitignore").read_text("utf-8").splitlines()
    shipped = {line.split("/")[2] for line in lines if re.fullmatch(r"!/extensions/\w+/", line)}
    assert set(EXAMPLES) == shipped


def test_each_point_has_a_test_that_fails_without_it() -> None:
    """`python -m tests.deaf` sees that it does."""
    marked = set[str]().union(*marked_files().values())
    assert sorted(set(specs.POINTS) - marked) == [], (
        "No test is marked with these points. Write one that fails in its body where the host is deaf to the point, mark "
        'it with @pytest.mark.point("name"), and run: python -m tests.deaf name'
    )


def test_no_test_is_marked_with_what_is_no_point() -> None:
    tests = REPOSITORY / "tests"
    unknown = {
        str(file.relative_to(tests)): wrong
        for file, points in marked_files().items()
        if (wrong := points - set(specs.POINTS))
    }
    assert unknown == {}


def test_each_point_is_documented_where_authors_look() -> None:
    text = README.read_text("utf-8")
    for name in specs.POINTS:
        assert inspect.getdoc(getattr(specs, name))
        assert list(facts_of(getattr(specs, name))) == list(FACTS), name
        assert f"### `{name}(" in text
