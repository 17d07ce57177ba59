"""What a picture may follow beside its prompt: boxes, control pictures, LoRAs."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from webui.contracts.ids import AdapterId, ImageId
from webui.contracts.lora_blocks import ROWS

MAX_BOXES = 100
"""Of one request; a model may use fewer: the starter sixteen."""
MAX_CONTROLS = 4
MAX_LORAS = 16
MAX_REGIONS = 32
"""Of one request: each is a row of every prediction."""
MAX_REGION_CHARACTERS = 2000
IMAGE_ID_PATTERN = r"^[0-9a-f]{64}$"
ControlMode = Literal["Balanced", "My prompt is more important", "ControlNet is more important"]
BALANCED: ControlMode
PROMPT_FIRST: ControlMode
CONTROL_FIRST: ControlMode
BALANCED, PROMPT_FIRST, CONTROL_FIRST = CONTROL_MODES = get_args(ControlMode)
ControlResize = Literal["Automatic", "Just resize", "Crop and resize", "Resize and fill"]
AUTOMATIC_RESIZE: ControlResize = "Automatic"
CONTROL_RESIZES: tuple[ControlResize, ...] = get_args(ControlResize)

_Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
_Moment = Annotated[float, Field(ge=0.0, le=2.0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=-4.0, le=4.0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayoutBox(_Frozen):
    """Where a thing shall be; sides are fractions of the picture, from its left and upper edge."""

    label: str = Field(
        min_length=1,
        max_length=100,
        description="What is in the box: one of the model's classes.",
    )
    left: _Fraction = Field(description="Left side, 0 to 1 of the width.")
    top: _Fraction = Field(description="Upper side, 0 to 1 of the height.")
    right: _Fraction = Field(description="Right side, 0 to 1 of the width; beyond left.")
    bottom: _Fraction = Field(description="Lower side, 0 to 1 of the height; below top.")

    @field_validator("right")
    @classmethod
    def _is_wide(cls, right: float, info: ValidationInfo) -> float:
        return _above(right, info.data.get("left"), "left")

    @field_validator("bottom")
    @classmethod
    def _is_high(cls, bottom: float, info: ValidationInfo) -> float:
        return _above(bottom, info.data.get("top"), "top")


class RegionPrompt(_Frozen):
    """What shall be seen where a class map has a number, or in the boxes of a label."""

    value: int = Field(ge=0, le=255, description="Number in the class map.")
    name: str = Field(
        "", max_length=100, description="Of the class; boxes of this label have it too."
    )
    prompt: str = Field(
        max_length=MAX_REGION_CHARACTERS, description="What is seen there, in the prompt language."
    )
    weight: float = Field(
        1.0, ge=0.0, le=4.0, allow_inf_nan=False, description="How much more or less it counts."
    )


class ControlUse(_Frozen):
    """A controlnet, the picture that it reads, and how far it may steer."""

    adapter: AdapterId = Field(
        min_length=1, max_length=500, description="Id of a controlnet of GET /api/v1/adapters."
    )
    image: ImageId = Field(pattern=IMAGE_ID_PATTERN, description="The picture that it reads.")
    weight: float = Field(
        1.0, ge=0.0, le=2.0, allow_inf_nan=False, description="How strongly; 0 switches it off."
    )
    mask: ImageId | None = Field(
        None,
        pattern=IMAGE_ID_PATTERN,
        description="Where it steers: a picture that is white there; none means everywhere.",
    )
    kind: str = Field(
        "",
        max_length=50,
        description="What kind of picture it is, one of the adapter's `kinds`, where it reads several; open is "
        "what its file's name says, else edges.",
    )
    mode: ControlMode = Field(
        "Balanced",
        description="Which counts more, the prompt or the control; of an IP-Adapter it is Balanced.",
    )
    resize_mode: ControlResize = Field(
        AUTOMATIC_RESIZE,
        description="How its picture is brought to the drawn size: stretched, cropped to the largest centred part, or "
        "whole with the colour of its edge beyond it. Automatic: as a start image of its shape, else cropped. Of an "
        "IP-Adapter, which sees a picture and no places, it is Automatic.",
    )
    start: _Fraction = Field(0.0, description="From which fraction of the steps on it steers.")
    end: _Fraction = Field(1.0, description="Up to which fraction of the steps; beyond start.")

    @field_validator("end")
    @classmethod
    def _lasts(cls, end: float, info: ValidationInfo) -> float:
        return _above(end, info.data.get("start"), "start")


class LoraUse(_Frozen):
    """A LoRA and how much of it is added to the model; or a hypernetwork, which a prompt alone can name."""

    adapter: AdapterId = Field(
        min_length=1, max_length=500, description="Id of a lora of GET /api/v1/adapters."
    )
    weight: float = Field(
        1.0, ge=-4.0, le=4.0, allow_inf_nan=False, description="How much; below 0 takes away."
    )
    text_weight: float | None = Field(
        None,
        ge=-4.0,
        le=4.0,
        allow_inf_nan=False,
        description="How much in the text encoder, where that differs from the UNet.",
    )
    kind: Literal["lora", "hypernetwork"] = Field(
        "lora", description="What it is; the field of a request takes LoRAs."
    )
    rank: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Use the first ranks of it only, so many; none means all.",
    )
    blocks: tuple[_Share, ...] = Field(
        (),
        description="Weights by block: 12, 17, 20 or 26 numbers as the LoRA Block Weight extension has them.",
    )
    during: tuple[tuple[_Moment, _Moment], ...] = Field(
        (),
        max_length=1000,
        description="When it is at work, in shares of the steps: 0 to 1 in the first pass, 1 to 2 in the "
        "second; none means always.",
    )

    @field_validator("blocks")
    @classmethod
    def _is_a_row(cls, blocks: tuple[float, ...]) -> tuple[float, ...]:
        if blocks and len(blocks) not in ROWS:
            raise ValueError(f"{', '.join(map(str, ROWS))} numbers")
        return blocks

    @property
    def weight_of_text(self) -> float:
        """How much of it is added to the text encoder."""
        return self.weight if self.text_weight is None else self.text_weight

    def acts_at(self, moment: float) -> bool:
        """Whether it is at work at a moment, as `during` counts them."""
        return not self.during or any(begin <= moment < end for begin, end in self.during)


def _above(value: float, lower: float | None, name: str) -> float:
    """The value where it is above the other, or where that one is itself wrong (None)."""
    if lower is not None and value <= lower:
        raise ValueError(f"more than {name}, which is {lower}")
    return value
