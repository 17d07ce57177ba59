"""The estimate of the time left."""

from __future__ import annotations

import pytest

from webui.services.pace import WINDOW, Pace


def test_one_step_gives_no_estimate() -> None:
    assert Pace().note(1, 20, 100.0) is None


def test_the_estimate_is_the_rest_at_the_measured_pace() -> None:
    pace = Pace()
    pace.note(1, 20, 100.0)
    assert pace.note(5, 20, 102.0) == pytest.approx(7.5)


def test_late_steps_count_more_than_early_ones() -> None:
    pace = Pace()
    pace.note(0, 100, 0.0)
    pace.note(1, 100, 60.0)  # the model was loaded
    left = [pace.note(step, 100, 60.0 + step) for step in range(2, 2 + WINDOW)]
    assert left[-1] == pytest.approx(100 - 1 - WINDOW)
