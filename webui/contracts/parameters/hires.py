"""The second pass of txt2img: the picture enlarged, and drawn further at the new size."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from webui.contracts.choices import SAMPLERS, SCHEDULES
from webui.contracts.parameters.declaration import Parameter
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS, SIZE_MULTIPLE
from webui.contracts.parameters.upscaling import LANCZOS, NEAREST

SAME_SAMPLER, SAME_SCHEDULE = "Use same sampler", "Use same scheduler"
LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
PIXEL_UPSCALERS = (LANCZOS, NEAREST)
MAX_SIDE = 4096


class HiresParameters(BaseModel):
    """Settings of the second pass; it is off at scale 1 without a size."""

    hires_scale: Annotated[
        float,
        Parameter(
            "Hires scale",
            "Enlarge the picture this many times and draw it further; 1 is off.",
            "Hires upscale",
            step=0.05,
            soft_maximum=4,
        ),
    ] = Field(1.0, ge=1.0, le=8.0, allow_inf_nan=False)
    hires_width: Annotated[
        int | None,
        Parameter(
            "Hires width",
            "Pixels to enlarge to, instead of a scale; with a height too, edges are cut.",
            None,
            step=8,
            empty="by the scale",
        ),
    ] = Field(None, ge=64, le=MAX_SIDE, multiple_of=SIZE_MULTIPLE)
    hires_height: Annotated[
        int | None,
        Parameter(
            "Hires height",
            "Pixels to enlarge to, instead of a scale; with a width too, edges are cut.",
            None,
            step=8,
            empty="by the scale",
        ),
    ] = Field(None, ge=64, le=MAX_SIDE, multiple_of=SIZE_MULTIPLE)
    hires_upscaler: Annotated[
        str,
        Parameter(
            "Hires upscaler",
            "What enlarges: latent ones change more and want a denoising strength above 0.5.",
            "Hires upscaler",
            choices=(*LATENT_UPSCALERS, *PIXEL_UPSCALERS),
            names_adapter="upscaler",
            extensible=True,
        ),
    ] = Field("Latent", max_length=500)
    hires_steps: Annotated[
        int,
        Parameter(
            "Hires steps",
            "Steps of the second pass; 0 takes the share of the first's that the strength leaves.",
            "Hires steps",
            soft_maximum=150,
        ),
    ] = Field(0, ge=0, le=1000)
    hires_sampler: Annotated[
        str,
        Parameter(
            "Hires sampler",
            "The sampler of the second pass.",
            "Hires sampler",
            choices=(SAME_SAMPLER, *(info.name for info in SAMPLERS)),
            extensible=True,
        ),
    ] = Field(SAME_SAMPLER)
    hires_schedule: Annotated[
        str,
        Parameter(
            "Hires schedule",
            "The schedule of the second pass.",
            "Hires schedule type",
            choices=(SAME_SCHEDULE, *SCHEDULES),
            extensible=True,
        ),
    ] = Field(SAME_SCHEDULE)
    hires_guidance_scale: Annotated[
        float | None,
        Parameter(
            "Hires guidance scale",
            "Guidance of the second pass.",
            "Hires CFG Scale",
            step=0.5,
            empty="as the first",
        ),
    ] = Field(None, ge=1.0, le=100.0, allow_inf_nan=False)
    hires_prompt: Annotated[
        str,
        Parameter(
            "Hires prompt",
            "What the second pass draws; empty means the same.",
            "Hires prompt",
            lines=(2, 8),
            empty="as the first pass",
        ),
    ] = Field("", max_length=MAX_PROMPT_CHARACTERS)
    hires_negative_prompt: Annotated[
        str,
        Parameter(
            "Hires negative prompt",
            "What the second pass stays away from; empty means the same.",
            "Hires negative prompt",
            lines=(1, 8),
            empty="as the first pass",
        ),
    ] = Field("", max_length=MAX_PROMPT_CHARACTERS)

    @property
    def has_hires(self) -> bool:
        """Whether there is a second pass."""
        return self.hires_scale > 1 or self.hires_width is not None or self.hires_height is not None

    def hires_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the second pass, of a first of this size; whole multiples of eight."""
        wide, high = self.hires_width, self.hires_height
        if wide is None and high is None:
            return _whole(width * self.hires_scale), _whole(height * self.hires_scale)
        if wide is None:
            wide = _whole(width * (high or 0) / height)
        if high is None:
            high = _whole(height * wide / width)
        return wide, high


def _whole(pixels: float) -> int:
    return max(SIZE_MULTIPLE, round(pixels / SIZE_MULTIPLE) * SIZE_MULTIPLE)
