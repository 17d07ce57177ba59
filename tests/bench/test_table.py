"""The table says what was measured, in turn and without the first round."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.bench.table import Row, as_markdown, interleaved, ratio_row


def test_runs_take_turns_and_their_first_round_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    monkeypatch.setattr(time, "perf_counter", itertools.count().__next__)
    seconds = interleaved(2, {"a": lambda: order.append("a"), "b": lambda: order.append("b")})
    assert "".join(order) == "ababab"
    assert seconds == {"a": [1, 1], "b": [1, 1]}


def test_a_ratio_is_the_median_of_the_rounds_and_is_held_against_its_goal() -> None:
    row = ratio_row("x", [1.0, 9.0, 2.0], [2.0, 9.0, 2.5], 0.9)
    assert (row.measured, row.goal, row.met) == ("0.80 (2.00 s over 2.50 s)", "0.9", True)
    assert ratio_row("x", [2.0], [2.0], 0.9).met is False


def test_the_page_names_the_machine_and_says_of_each_row_whether_it_is_met() -> None:
    rows = [Row("a", "1 s", "2 s", True), Row("b", "2 s", "", None)]
    page = as_markdown(rows, "no GPU")
    assert "no GPU, Python" in page
    assert "| a | 1 s | 2 s | yes |\n| b | 2 s |  |  |\n" in page


def test_what_was_measured_on_a_gpu_stays_at_the_end_of_the_page() -> None:
    page = as_markdown([], "no GPU", "## On a GPU\n\nMuch.\n")
    assert page.endswith("\n\n## On a GPU\n\nMuch.\n")
