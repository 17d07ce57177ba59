"""Spells without a search for garbage end when the last of them does, and hide what was imported."""

from __future__ import annotations

import gc

import pytest

from webui.collector import Spells, importing, uncollected


def test_garbage_is_sought_again_when_the_last_spell_has_ended() -> None:
    spells = Spells()
    spells.begin()
    spells.begin()
    assert not gc.isenabled()
    spells.end()
    assert not gc.isenabled()
    spells.end()
    assert gc.isenabled()


def test_it_is_sought_again_after_a_failure() -> None:
    with pytest.raises(ImportError), uncollected():  # noqa: PT012  what holds before it is asked, too
        assert not gc.isenabled()
        raise ImportError("no such library")
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_was_imported_is_never_looked_at() -> None:
    made: list[object] = []
    with importing():
        made.append([])
    assert not any(thing is made for thing in gc.get_objects())
    assert gc.isenabled()
