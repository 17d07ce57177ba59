"""Curves as pictures."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from webui.training.evaluation.charts import HEIGHT, WIDTH, _ticks, write_chart
from webui.training.evaluation.figures import Figure, Table


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.31, 0.96, [0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.955, 1.945, [0.5, 1.0, 1.5, 2.0]),
        (3.0, 3.0, [3.0, 4.0]),
        (0.0, 0.0, [0.0, 0.5]),
    ],
)
def test_axes_have_round_numbers_around_the_values(
    low: float, high: float, ticks: list[float]
) -> None:
    assert _ticks(low, high) == pytest.approx(ticks)


def _drawn(path: Path, *values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    figures = (Figure("colour", "%", values, 9), Figure("distance", "", (3.0, 2.0, 1.0), 9))
    write_chart(Table("steps", ("4", "8", "50"), figures), path)
    return np.asarray(Image.open(path))


def test_shares_and_other_numbers_have_a_panel_each(tmp_path: Path) -> None:
    assert _drawn(tmp_path / "a.png", 0.1, 0.5, 0.9).shape == (HEIGHT, 2 * WIDTH, 3)


def test_other_values_draw_another_curve_and_missing_ones_none(tmp_path: Path) -> None:
    rising = _drawn(tmp_path / "a.png", 0.1, 0.5, 0.9)
    falling = _drawn(tmp_path / "b.png", 0.9, 0.5, 0.1)
    gap = _drawn(tmp_path / "c.png", 0.1, math.nan, 0.9)
    nothing = _drawn(tmp_path / "d.png", math.nan, math.nan, math.nan)
    left = slice(0, WIDTH)
    assert (rising[:, left] != falling[:, left]).any()
    assert (rising[:, left] != gap[:, left]).any()
    assert (nothing[:, left] == 255).all()
