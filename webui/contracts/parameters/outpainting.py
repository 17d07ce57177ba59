"""How far a picture is drawn on beyond its sides."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.frame import Frame
from webui.contracts.parameters.declaration import Parameter

FRAME_STEP = 8
MOST_BEYOND = 2048
_HELP = "Pixels that are drawn on beyond the picture at {}; the result has the frame's own size."


class Outpainting(BaseModel):
    """The frame around a picture, in the picture's own pixels; all 0: there is none."""

    outpaint_left: Annotated[
        int,
        Parameter("Outpaint left", _HELP.format("its left"), "Outpaint left", step=FRAME_STEP),
    ] = Field(0, ge=0, le=MOST_BEYOND, multiple_of=FRAME_STEP)
    outpaint_right: Annotated[
        int,
        Parameter("Outpaint right", _HELP.format("its right"), "Outpaint right", step=FRAME_STEP),
    ] = Field(0, ge=0, le=MOST_BEYOND, multiple_of=FRAME_STEP)
    outpaint_top: Annotated[
        int,
        Parameter("Outpaint top", _HELP.format("its top"), "Outpaint top", step=FRAME_STEP),
    ] = Field(0, ge=0, le=MOST_BEYOND, multiple_of=FRAME_STEP)
    outpaint_bottom: Annotated[
        int,
        Parameter(
            "Outpaint bottom", _HELP.format("its bottom"), "Outpaint bottom", step=FRAME_STEP
        ),
    ] = Field(0, ge=0, le=MOST_BEYOND, multiple_of=FRAME_STEP)
    outpaint_overlap: Annotated[
        int,
        Parameter(
            "Outpaint overlap",
            "Pixels inside the picture's drawn-on sides over which old and new are mixed; further in it stays as it is.",
            "Outpaint overlap",
            step=4,
        ),
    ] = Field(32, ge=0, le=256)

    @property
    def outpaints(self) -> bool:
        """Whether the image is drawn on beyond its sides."""
        return any(self._beyond().values())

    @property
    def first_drawn_on(self) -> str:
        """Field of the first side that the image is drawn on beyond; that of its left where there is none."""
        return next((name for name, pixels in self._beyond().items() if pixels), "outpaint_left")

    def frame(self, image_size: tuple[int, int]) -> Frame:
        """The frame around an image of a width and height; whole cells wide and high if there is one."""
        frame = Frame(image_size, *self._beyond().values())
        return frame.widened_to(FRAME_STEP) if self.outpaints else frame

    def _beyond(self) -> dict[str, int]:
        """Pixels beyond each side, in the order of `Frame`, by field."""
        sides = ("left", "top", "right", "bottom")
        return {name: getattr(self, name) for name in (f"outpaint_{side}" for side in sides)}
