"""Authors who come from AUTOMATIC1111 are told of hooks that there are."""

from __future__ import annotations

from webui.hooks.counterparts import CALLBACKS, SCRIPTS, table
from webui.hooks.specs import POINTS

EVERY = (*SCRIPTS, *CALLBACKS)


def test_each_hook_that_is_named_is_there() -> None:
    assert [p for row in EVERY for p in row.points if p not in POINTS] == []


def test_where_no_hook_does_it_that_is_said() -> None:
    assert [row.theirs for row in EVERY if not row.points and not row.said] == []


def test_their_methods_and_callbacks_are_each_told_of_once() -> None:
    for rows in (SCRIPTS, CALLBACKS):
        names = [name for row in rows for name in row.theirs.split(", ")]
        assert len(names) == len(set(names))
    known = {name for row in CALLBACKS for name in row.theirs.split(", ") if name.startswith("on_")}
    assert len(known) == 24  # of which SD.Next has three
    assert "`on_cfg_denoised`" in table()
