"""The one description of a picture: everything that it depends on, declared once per parameter.

The declaration of a parameter (title, help, range, default, infotext key) serves the control in
the page, the HTTP schema, the command line and the metadata in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from webui.contracts.choices import AUTOMATIC, SAMPLERS, SCHEDULES, find_sampler
from webui.contracts.conditions import (
    IMAGE_ID_PATTERN,
    MAX_BOXES,
    MAX_CONTROLS,
    MAX_LORAS,
    ControlUse,
    LayoutBox,
    LoraUse,
)
from webui.contracts.errors import FieldProblem, InvalidField
from webui.contracts.ids import AdapterId, ImageId, ModelId

MAX_SEED = 2**32 - 1
MAX_PROMPT_CHARACTERS = 20_000
SIZE_MULTIPLE = 8


@dataclass(frozen=True)
class Parameter:
    """What a control, the metadata and the help need of a field beyond its type and range."""

    title: str
    """Label of the control."""
    help: str
    """One sentence, shown on hover and in the API's schema."""
    infotext: str | None
    """Key in AUTOMATIC1111's `parameters` text; None where it is not one of its keys."""
    step: float = 1
    """Step of a slider."""
    soft_minimum: float | None = None
    """Where a slider starts, when the allowed range is wider than what is useful."""
    soft_maximum: float | None = None
    """Where a slider ends."""


def _describe(schema: dict[str, Any]) -> None:
    """Put each declaration's title and help into the JSON schema, so that /docs shows them."""
    for name, parameter in PARAMETERS.items():
        schema["properties"][name] |= {"title": parameter.title, "description": parameter.help}


class GenerationRequest(BaseModel):
    """A validated, frozen order for `count` pictures. JSON in and out is lossless."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_describe)

    prompt: Annotated[str, Parameter("Prompt", "What the picture shows.", None)] = Field(
        max_length=MAX_PROMPT_CHARACTERS
    )
    negative_prompt: Annotated[
        str,
        Parameter("Negative prompt", "What the picture should stay away from.", "Negative prompt"),
    ] = Field("", max_length=MAX_PROMPT_CHARACTERS)
    model: Annotated[
        ModelId,
        Parameter("Model", "The checkpoint that draws; empty means the first one.", "Model"),
    ] = Field(ModelId(""), max_length=500)
    sampler: Annotated[
        str, Parameter("Sampler", "The method that walks from noise to picture.", "Sampler")
    ] = Field("DPM++ 2M")
    schedule: Annotated[
        str, Parameter("Schedule", "How the noise levels are spaced.", "Schedule type")
    ] = Field(AUTOMATIC)
    steps: Annotated[
        int,
        Parameter("Steps", "More steps are slower and usually finer.", "Steps", soft_maximum=60),
    ] = Field(20, ge=1, le=1000)
    guidance_scale: Annotated[
        float,
        Parameter(
            "Guidance scale",
            "How strongly the picture follows the prompt; 1 switches guidance off.",
            "CFG scale",
            step=0.5,
            soft_maximum=20,
        ),
    ] = Field(5.0, ge=1.0, le=100.0, allow_inf_nan=False)
    width: Annotated[
        int | None, Parameter("Width", "Pixels; empty means the model's own size.", None, step=8)
    ] = Field(None, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    height: Annotated[
        int | None, Parameter("Height", "Pixels; empty means the model's own size.", None, step=8)
    ] = Field(None, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    seed: Annotated[
        int, Parameter("Seed", "Equal seeds give equal pictures; -1 draws a new one.", "Seed")
    ] = Field(-1, ge=-1, le=MAX_SEED)
    variation_seed: Annotated[
        int,
        Parameter(
            "Variation seed",
            "Noise that is mixed in by the variation strength; -1 draws a new one.",
            "Variation seed",
        ),
    ] = Field(-1, ge=-1, le=MAX_SEED)
    variation_strength: Annotated[
        float,
        Parameter(
            "Variation strength",
            "0 is the seed's own picture, 1 the variation seed's; small values are near relations.",
            "Variation seed strength",
            step=0.01,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    count: Annotated[
        int,
        Parameter(
            "Count",
            "Pictures to make; picture i uses seed + i, or variation seed + i where that is mixed in.",
            None,
            soft_maximum=16,
        ),
    ] = Field(1, ge=1, le=100)
    image: Annotated[
        ImageId | None, Parameter("Image", "Start from this uploaded picture.", "Init image hash")
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    denoising_strength: Annotated[
        float,
        Parameter(
            "Denoising strength",
            "0 keeps the image, 1 redraws it entirely; used with an image only.",
            "Denoising strength",
            step=0.01,
        ),
    ] = Field(0.75, ge=0.0, le=1.0, allow_inf_nan=False)
    mask: Annotated[
        ImageId | None,
        Parameter("Mask", "Redraw the image where this picture is white; needs an image.", None),
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    class_map: Annotated[
        ImageId | None,
        Parameter(
            "Class map",
            "Picture of class numbers (PNG, grey or palette) for a semantic model.",
            None,
        ),
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    depth_map: Annotated[
        ImageId | None,
        Parameter("Depth map", "Grey picture, white is near, for a depth model.", None),
    ] = Field(None, pattern=IMAGE_ID_PATTERN)
    boxes: Annotated[
        tuple[LayoutBox, ...],
        Parameter("Boxes", "What shall be where, for a layout model.", None),
    ] = Field((), max_length=MAX_BOXES)
    controls: Annotated[
        tuple[ControlUse, ...],
        Parameter("Controls", "Controlnets and the pictures that they follow.", None),
    ] = Field((), max_length=MAX_CONTROLS)
    loras: Annotated[
        tuple[LoraUse, ...],
        Parameter("LoRAs", "Small changes to the model, each with its weight.", None),
    ] = Field((), max_length=MAX_LORAS)
    noise_augmentation: Annotated[
        float,
        Parameter(
            "Noise augmentation",
            "How much noise the picture to enlarge is taken to have; for an upscaling model.",
            None,
            step=0.01,
        ),
    ] = Field(0.0, ge=0.0, le=1.0, allow_inf_nan=False)

    @field_validator("prompt", "negative_prompt")
    @classmethod
    def _encodable(cls, value: str) -> str:
        # Lone surrogates can come in through JSON escapes and would fail later, in a database.
        return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")

    @model_validator(mode="before")
    @classmethod
    def _sampler_names(cls, data: Any) -> Any:
        """Bring a sampler's alias to its name, and split 'DPM++ 2M Karras' in two."""
        if not isinstance(data, dict) or not isinstance(data.get("sampler"), str):
            return data
        found = find_sampler(data["sampler"])
        if found is None:
            return data
        info, schedule = found
        own = {} if schedule is None else {"schedule": data.get("schedule", schedule)}
        return {**data, **own, "sampler": info.name}

    @field_validator("sampler")
    @classmethod
    def _known_sampler(cls, value: str) -> str:
        if value not in {info.name for info in SAMPLERS}:
            raise ValueError("one of " + ", ".join(info.name for info in SAMPLERS))
        return value

    @field_validator("schedule")
    @classmethod
    def _known_schedule(cls, value: str) -> str:
        by_lower = {name.lower(): name for name in SCHEDULES}
        if value.lower() not in by_lower:
            raise ValueError("one of " + ", ".join(SCHEDULES))
        return by_lower[value.lower()]

    def seeds_of(self, index: int) -> tuple[int, int]:
        """Seed and variation seed of picture `index`: of a variation only the latter moves."""
        if self.variation_strength > 0:
            return self.seed, (self.variation_seed + index) % (MAX_SEED + 1)
        return (self.seed + index) % (MAX_SEED + 1), self.variation_seed

    @property
    def task(self) -> str:
        """'inpaint' with a mask, else 'img2img' with an image, else 'txt2img'."""
        if self.mask is not None:
            return "inpaint"
        return "txt2img" if self.image is None else "img2img"

    @property
    def images(self) -> tuple[ImageId, ...]:
        """Every image that it names, each once, in the order of the fields."""
        named = (self.image, self.mask, self.class_map, self.depth_map)
        controls = (control.image for control in self.controls)
        return tuple(dict.fromkeys(i for i in (*named, *controls) if i is not None))

    @property
    def adapters(self) -> tuple[AdapterId, ...]:
        """Every adapter that it names, each once: controlnets, then LoRAs."""
        controls = [use.adapter for use in self.controls]
        return tuple(dict.fromkeys([*controls, *(use.adapter for use in self.loras)]))


PARAMETERS: dict[str, Parameter] = {
    name: next(m for m in info.metadata if isinstance(m, Parameter))
    for name, info in GenerationRequest.model_fields.items()
}
"""Field name to declaration, in the order of the form."""

_ENTRIES: dict[str, type[BaseModel]] = {
    "boxes": LayoutBox, "controls": ControlUse, "loras": LoraUse,
}  # fmt: skip
"""Fields that hold several of something, and what."""


def limits(name: str) -> tuple[float | None, float | None]:
    """Smallest and largest allowed value of a numeric field."""
    return _limits(GenerationRequest.model_fields[name])


def _limits(field: FieldInfo | None) -> tuple[float | None, float | None]:
    low = high = None
    for m in [] if field is None else field.metadata:
        low = getattr(m, "ge", low)
        high = getattr(m, "le", high)
    return low, high


def parse_request(data: Any) -> GenerationRequest:
    """Validate untrusted data (a parsed JSON object).

    Raises:
        InvalidField: names each wrong field, its value and what was expected.
    """
    try:
        return GenerationRequest.model_validate(data)
    except ValidationError as error:
        raise InvalidField(problems_in(error.errors())) from error


def problems_in(errors: Iterable[Any]) -> list[FieldProblem]:
    """What pydantic found wrong, in our words; `errors` are its error dictionaries."""
    return [_problem(dict(error)) for error in errors]


def _problem(error: dict[str, Any]) -> FieldProblem:
    name = ".".join(str(part) for part in error["loc"]) or "request"
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        one = "; it is the one field that has no default" if name == "prompt" else ""
        return FieldProblem(name, "missing", f"a value{one}")
    value = repr(error["input"])
    shown = value if len(value) <= 100 else value[:97] + "..."
    if kind == "extra_forbidden":
        known = _fields_at(error["loc"])
        return FieldProblem(name, shown, "no such field; known are " + ", ".join(known))
    low, high = _limits(_fields_at(error["loc"]).get(error["loc"][-1] if error["loc"] else ""))
    if kind in {"greater_than_equal", "less_than_equal"}:
        return FieldProblem(name, shown, f"a number from {low} to {high}")
    if kind == "multiple_of":
        return FieldProblem(
            name, shown, f"a multiple of {context['multiple_of']} from {low} to {high}"
        )
    if kind == "too_long" and name in PARAMETERS:
        return FieldProblem(
            name, f"{context['actual_length']} entries", f"at most {context['max_length']}"
        )
    if kind == "value_error":
        return FieldProblem(name, shown, str(context["error"]))
    return FieldProblem(name, shown, error["msg"][0].lower() + error["msg"][1:])


def _fields_at(loc: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """The fields beside the one at `loc`: the request's own, or those of a box, control or LoRA."""
    owner = _ENTRIES.get(str(loc[0]), GenerationRequest) if len(loc) > 1 else GenerationRequest
    return owner.model_fields
