"""A table whose headings are numbers, drawn as curves: shares in one panel, the rest in another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from webui.training.evaluation.figures import Figure, Table

WIDTH, HEIGHT = 460, 300
"""Of one panel in pixels."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 40, 44
_INK, _GRID = (60, 60, 60), (225, 225, 225)
_COLOURS = ((31, 90, 160), (200, 90, 30), (50, 140, 70), (140, 70, 160), (120, 120, 120))


def write_chart(table: Table, path: Path) -> None:
    """Draw the table's figures over its headings (numbers) as a PNG; missing values leave gaps."""
    shares = [figure for figure in table.figures if figure.unit == "%"]
    others = [figure for figure in table.figures if figure.unit != "%"]
    panels = [figures for figures in (shares, others) if figures]
    picture = Image.new("RGB", (WIDTH * len(panels), HEIGHT), "white")
    at = [float(heading) for heading in table.headings]
    for i, figures in enumerate(panels):
        picture.paste(_panel(figures, at, table.title), (i * WIDTH, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, optimize=True)


def _panel(figures: Sequence[Figure], at: Sequence[float], label: str) -> Image.Image:
    panel = Image.new("RGB", (WIDTH, HEIGHT), "white")
    brush, font = ImageDraw.Draw(panel), ImageFont.load_default(12)
    values = [v for f in figures for v in f.values if math.isfinite(v)]
    if not values:
        return panel
    ticks = _ticks(min(values), max(values))
    low, high = ticks[0], ticks[-1]
    for tick in ticks:
        y = _place((tick - low) / (high - low), HEIGHT - _BOTTOM, _TOP)
        brush.line((_LEFT, y, WIDTH - _RIGHT, y), _GRID)
        text = f"{tick:.0%}" if figures[0].unit == "%" else f"{tick:g}"
        brush.text((_LEFT - 6, y), text, _INK, font, anchor="rm")
    across = [_place(share, _LEFT, WIDTH - _RIGHT) for share in _evenly(at)]
    for x, number in zip(across, at, strict=True):
        brush.text((x, HEIGHT - _BOTTOM + 8), f"{number:g}", _INK, font, anchor="mt")
    brush.text((WIDTH - _RIGHT, HEIGHT - 6), label, _INK, font, anchor="rb")
    x = _LEFT
    for figure, colour in zip(figures, _COLOURS, strict=False):
        points = [
            (px, _place((value - low) / (high - low), HEIGHT - _BOTTOM, _TOP))
            for px, value in zip(across, figure.values, strict=True)
            if math.isfinite(value)
        ]
        brush.line(points, colour, 2, joint="curve")
        for px, py in points:
            brush.ellipse((px - 3, py - 3, px + 3, py + 3), colour)
        brush.text((x, 12), figure.what, colour, font)
        x += int(brush.textlength(figure.what, font)) + 16
    return panel


def _evenly(at: Sequence[float]) -> list[float]:
    """Places 0 to 1 of the numbers, on a logarithmic axis: their ratios are what matters."""
    logs = [math.log(number) for number in at]
    span = max(logs) - min(logs) or 1.0
    return [(value - min(logs)) / span for value in logs]


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers that enclose the values."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / 4)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, max(last, first + 1) + 1)]


def _place(share: float, start: float, end: float) -> float:
    return start + share * (end - start)
