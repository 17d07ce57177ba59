"""The plot that a grid is of. It is kept with the grid, so that it can be drawn again."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from webui.contracts.parameters.declaration import Parameter
from webui.contracts.plot import Plot


class Plotting(BaseModel):
    """What makes many pictures of one order."""

    plot: Annotated[
        Plot | None,
        Parameter(
            "X/Y/Z plot",
            "Axes that vary settings, for a grid of pictures; ordered at /api/v1/plots.",
            None,
        ),
    ] = None
