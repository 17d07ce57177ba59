"""An X/Y/Z plot: one order drawn with each combination of what up to three axes say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from webui.contracts.ids import BatchId
    from webui.contracts.job import Job
    from webui.contracts.request import GenerationRequest

MAX_CELLS = 400
"""Most pictures of one plot."""
MAX_VALUES_CHARACTERS = 10_000

AxisValue = int | float | str
AxisKind = Literal["whole", "number", "text"]


class AxisChoice(BaseModel):
    """An axis of a plot, and its values as they were written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    axis: str = Field(min_length=1, max_length=200, description="Its name; GET /api/v1/plots/axes.")
    values: str = Field(
        max_length=MAX_VALUES_CHARACTERS,
        description="Values by commas; of numbers also 1-5, 1-10 (+3) and 1-10 [4].",
    )


class Plot(BaseModel):
    """What a plot varies, and how its grid looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: AxisChoice | None = Field(None, description="From left to right.")
    y: AxisChoice | None = Field(None, description="From top to bottom.")
    z: AxisChoice | None = Field(None, description="A grid of X and Y for each of its values.")
    legend: bool = Field(True, description="Write the values beside the grid.")
    margin: int = Field(0, ge=0, le=500, description="Pixels between the pictures.")
    lone_images: bool = Field(
        True,
        description="Keep the single pictures; else they go to the bin when the grid is there.",
    )
    sub_grids: bool = Field(False, description="Keep each Z value's grid as a picture, too.")
    keep_seeds: bool = Field(
        False, description="Where the seed is -1, draw one for each picture; else one for all."
    )

    @property
    def axes(self) -> tuple[AxisChoice | None, ...]:
        """X, Y and Z."""
        return self.x, self.y, self.z


@dataclass(frozen=True)
class AxisPoint:
    """One place of an axis."""

    label: str
    """For the legend."""
    request: GenerationRequest


@dataclass(frozen=True)
class PlotAxis:
    """Something that an axis of a plot can vary."""

    name: str
    """In orders; what an extension offers is called '<extension>/<name>' everywhere."""
    title: str
    kind: AxisKind
    """'whole' and 'number' read ranges; 'text' reads values by commas, in quotes where they have one."""
    points: Callable[[GenerationRequest, Sequence[AxisValue]], Sequence[AxisPoint]]
    """The request at each place of the axis, for these values; raises BadRequest where they do not fit it."""
    choices: tuple[str, ...] = ()
    """Values to choose among; empty where there are no few."""


@dataclass(frozen=True)
class PlotSize:
    """How much a plot is."""

    columns: int
    rows: int
    sheets: int
    steps: int
    """Denoising steps in all."""
    width: int
    """Of the grid, in pixels; about, until it is drawn."""
    height: int
    seconds: float | None
    """About, from jobs of before on this machine; None where there are none of these models."""

    @property
    def pictures(self) -> int:
        """How many are drawn."""
        return self.columns * self.rows * self.sheets


@dataclass(frozen=True)
class OrderedPlot:
    """What became of an order."""

    batch: BatchId
    jobs: tuple[Job, ...]
    size: PlotSize
