"""Everything in the box."""

from importlib import import_module
from pathlib import Path

import pytest

from webui.cli import TRAINERS
from webui.training import starter


def test_every_kind_can_be_trained_by_itself_under_the_same_name() -> None:
    assert dict(starter.KINDS) == {k: m for k, m in TRAINERS.items() if k != "starter"}
    for _, module in starter.KINDS:
        assert callable(import_module(module).main)


def test_all_kinds_are_trained_in_order_below_one_folder_with_the_budget_shared_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def train(flags: list[str]) -> int:
        asked.append(flags)
        return 0

    for _, module in starter.KINDS:
        monkeypatch.setattr(import_module(module), "main", train)
    assert starter.main(["--recipe", "cpu", "--minutes", "26", "--work", str(tmp_path)]) == 0
    assert [Path(flags[-1]).name for flags in asked] == [kind for kind, _ in starter.KINDS]
    assert {Path(flags[-1]).parent for flags in asked} == {tmp_path}
    assert all(flags[flags.index("--minutes") + 1] == "2.0" for flags in asked)


def test_the_first_kind_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = import_module(starter.KINDS[0][1])
    monkeypatch.setattr(first, "main", lambda _flags: 3)
    assert starter.main(["--recipe", "cpu"]) == 3
