"""The pictures of a plot: a request for each place of its grid, and the order in which they are drawn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from webui.contracts.errors import BadRequest, EaselError, HookFailed
from webui.contracts.parameters.drawing import MAX_SEED
from webui.contracts.plot import MAX_CELLS, AxisChoice, AxisPoint, AxisValue, Plot, PlotAxis
from webui.contracts.request import GenerationRequest, parse_request
from webui.services.plots.values import read_values

_log = logging.getLogger(__name__)
_SEEDS = ("seed", "variation_seed")
_WEIGHTS = ("model", "refiner", "hires_model", "vae")
"""Fields that say which weights must be in memory."""


@dataclass(frozen=True)
class Layout:
    """The places of a grid; X runs fastest, then Y, then Z."""

    base: GenerationRequest
    """What all have in common: the order itself, its seed drawn."""
    labels: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    """Of X, Y and Z; an axis that is not there has one empty label."""
    cells: tuple[GenerationRequest, ...]

    @property
    def turns(self) -> tuple[int, ...]:
        """Places of the cells in the order in which they are drawn: models change as seldom as can be."""
        weights = [tuple(getattr(cell, name) for name in _WEIGHTS) for cell in self.cells]
        groups = {key: place for place, key in enumerate(dict.fromkeys(weights))}
        return tuple(sorted(range(len(self.cells)), key=lambda i: groups[weights[i]]))


def lay_out(
    request: GenerationRequest,
    plot: Plot,
    find: Callable[[str], PlotAxis],
    draw: Callable[[int], int],
) -> Layout:
    """All pictures of a plot, each a checked request.

    Args:
        request: What they have in common.
        plot: What differs.
        find: Gives an axis by its name.
        draw: Gives a random number below its argument.

    Raises:
        BadRequest: there is no axis, an axis is unknown, its values cannot be read, or a picture of them
            is no valid request.
        HookFailed: an extension's axis failed.
    """
    if not any(plot.axes):
        raise BadRequest("The plot has no axis; X, Y or Z was expected.")
    base = request.model_copy(update={} if plot.keep_seeds else _drawn(request, draw))
    steps = [_step(choice, find, plot, draw) for choice in plot.axes]
    cells, labels = [base], list[tuple[str, ...]]()
    for step in steps:
        points = [step(cell) for cell in cells]
        labels.append(tuple(point.label for point in points[0]))
        cells = [point.request for along in points for point in along]
        if len(cells) > MAX_CELLS:
            raise BadRequest(
                f"The plot has {len(cells)} pictures or more; at most {MAX_CELLS} were expected. Take fewer values."
            )
    x, y, z = labels
    return Layout(base, (x, y, z), _by_rows(cells, (len(x), len(y), len(z))))


def _step(
    choice: AxisChoice | None,
    find: Callable[[str], PlotAxis],
    plot: Plot,
    draw: Callable[[int], int],
) -> Callable[[GenerationRequest], Sequence[AxisPoint]]:
    """What an axis makes of one request."""
    if choice is None:
        return lambda request: [AxisPoint("", request)]
    axis = find(choice.axis)
    values = read_values(choice, axis.kind, axis.title)
    if axis.name in _SEEDS and not plot.keep_seeds:
        values = tuple(draw(MAX_SEED + 1) if value == -1 else value for value in values)
    return lambda request: _points(axis, request, values)


def _points(
    axis: PlotAxis, request: GenerationRequest, values: Sequence[AxisValue]
) -> Sequence[AxisPoint]:
    try:
        return list(axis.points(request, values))
    except EaselError:
        raise
    except Exception as error:  # the border to extensions' code
        _log.exception("The axis %s failed.", axis.name)
        raise HookFailed(
            f"The axis {axis.title!r} failed: {type(error).__name__}: {error}"
        ) from error


def _drawn(request: GenerationRequest, draw: Callable[[int], int]) -> dict[str, int]:
    """Seeds that were left to chance, drawn once for all."""
    return {name: draw(MAX_SEED + 1) for name in _SEEDS if getattr(request, name) == -1}


def _by_rows(
    cells: Sequence[GenerationRequest], lengths: Sequence[int]
) -> tuple[GenerationRequest, ...]:
    """From X slowest to X fastest, and checked, for a copy with changes has not been."""
    columns, rows, sheets = lengths
    return tuple(
        _cell(cells[(x * rows + y) * sheets + z])
        for z in range(sheets)
        for y in range(rows)
        for x in range(columns)
    )


def _cell(request: GenerationRequest) -> GenerationRequest:
    said = request.model_dump(mode="json", exclude_unset=True, exclude={"plot", "texts"})
    return parse_request({**said, "count": 1})
