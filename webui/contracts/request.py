"""The one description of a picture: everything that it depends on, declared once per parameter.

The declaration of a parameter (title, help, range, default, infotext key) serves the control in
the page, the HTTP schema, the command line and the metadata in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from webui.contracts.choices import find_sampler, find_schedule
from webui.contracts.conditions import ControlUse, LayoutBox, LoraUse, RegionPrompt
from webui.contracts.errors import FieldProblem, InvalidField
from webui.contracts.ids import AdapterId, ImageId, ModelId
from webui.contracts.parameters.classes import ClassChoice
from webui.contracts.parameters.declaration import Parameter
from webui.contracts.parameters.drawing import MAX_SEED, Drawing
from webui.contracts.parameters.extension_arguments import ExtensionArguments, offered_by
from webui.contracts.parameters.flow import FlowParameters
from webui.contracts.parameters.grouping import Grouping
from webui.contracts.parameters.guidance import GuidanceParameters
from webui.contracts.parameters.hires import HiresParameters
from webui.contracts.parameters.inpainting import Inpainting
from webui.contracts.parameters.inputs import Inputs
from webui.contracts.parameters.loopback import Loopback
from webui.contracts.parameters.network import NetworkParameters
from webui.contracts.parameters.noise import NOISE_SOURCE_ALIASES, NoiseParameters
from webui.contracts.parameters.other_models import OtherModels
from webui.contracts.parameters.outpainting import Outpainting
from webui.contracts.parameters.plotting import Plotting
from webui.contracts.parameters.regions import Regions
from webui.contracts.parameters.sampling import SamplingParameters
from webui.contracts.parameters.savings import Savings
from webui.contracts.parameters.size_conditioning import SizeConditioning
from webui.contracts.parameters.soft_inpainting import SoftInpainting
from webui.contracts.parameters.start_image import StartImage
from webui.contracts.parameters.turns import Turns
from webui.contracts.parameters.upscaling import Upscaling
from webui.contracts.parameters.words import TEXTS, PictureText, Words


def _describe(schema: dict[str, Any]) -> None:
    """Put each declaration's title and help into the JSON schema, so that /docs shows them."""
    for name, parameter in PARAMETERS.items():
        schema["properties"][name] |= {"title": parameter.title, "description": parameter.help}


class GenerationRequest(
    ExtensionArguments,
    Plotting,
    Grouping,
    ClassChoice,
    Turns,
    SoftInpainting,
    Savings,
    Outpainting,
    Inpainting,
    StartImage,
    Loopback,
    Regions,
    Upscaling,
    HiresParameters,
    OtherModels,
    SizeConditioning,
    FlowParameters,
    NetworkParameters,
    GuidanceParameters,
    SamplingParameters,
    NoiseParameters,
    Words,
    Inputs,
    Drawing,
):
    """A validated, frozen order for `count` pictures. JSON in and out is lossless."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_describe)

    def __hash__(self) -> int:
        """By content, as equality is: what is said to extensions is in dictionaries."""
        return hash(self.model_dump_json())

    @field_validator("prompt", "negative_prompt", "hires_prompt", "hires_negative_prompt")
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

    @field_validator("schedule", "hires_schedule", mode="before")
    @classmethod
    def _schedule_names(cls, value: Any) -> Any:
        """Bring another program's spelling of a schedule to ours."""
        return (find_schedule(value) or value) if isinstance(value, str) else value

    @field_validator("noise_source", mode="before")
    @classmethod
    def _source_names(cls, value: Any) -> Any:
        """Bring another program's name of a noise source to ours."""
        return NOISE_SOURCE_ALIASES.get(value.lower(), value) if isinstance(value, str) else value

    @field_validator("*")
    @classmethod
    def _among_choices(cls, value: Any, info: ValidationInfo) -> Any:
        """One of the declared choices, however it is capitalised, or what an extension offers."""
        declared = PARAMETERS[info.field_name or ""]
        choices = declared.choices
        if not choices or not isinstance(value, str):
            return value
        if declared.extensible and offered_by(value) is not None:
            return value  # whether it is there is seen when the job is ordered
        by_lower = {choice.lower(): choice for choice in choices}
        if PARAMETERS[info.field_name or ""].names_adapter and "/" in value:
            return value
        if value.lower() not in by_lower:
            raise ValueError("one of " + ", ".join(choices))
        return by_lower[value.lower()]

    def seeds_of(self, index: int) -> tuple[int, int]:
        """Seed and variation seed of picture `index`: of a variation only the latter moves.

        The pictures of a matrix share both, so that nothing but their words differs.
        """
        if self.prompt_choices == "Matrix":
            return self.seed, self.variation_seed
        if self.variation_strength > 0:
            return self.seed, (self.variation_seed + index) % (MAX_SEED + 1)
        return (self.seed + index) % (MAX_SEED + 1), self.variation_seed

    def text_of(self, index: int) -> PictureText:
        """What picture `index` is drawn from."""
        if self.texts:
            return self.texts[min(index, len(self.texts) - 1)]
        words = {name: getattr(self, name) for name in TEXTS}
        hires_loras = self.loras if self.hires_prompt else ()
        return PictureText(**words, loras=self.loras, hires_loras=hires_loras)

    @property
    def every_text(self) -> tuple[PictureText, ...]:
        """What the pictures are drawn from; at least one."""
        return self.texts or (self.text_of(0),)

    def picture(self, index: int) -> GenerationRequest:
        """The order for picture `index` alone: its words, its seeds, nothing left to choose."""
        seed, variation_seed = self.seeds_of(index)
        exact: dict[str, object] = {"count": 1, "seed": seed, "variation_seed": variation_seed}
        if self.texts:
            text = self.text_of(index)
            exact |= {name: getattr(text, name) for name in TEXTS}
            exact |= {"styles": (), "texts": ()}
        if self.template or self.negative_template:
            exact["prompt_choices"] = "Off"
        return self.model_copy(update=exact)

    @property
    def task(self) -> str:
        """'inpaint' with a mask or a frame, else 'img2img' with an image, else 'txt2img'."""
        if self.mask is not None or self.outpaints:
            return "inpaint"
        return "txt2img" if self.image is None else "img2img"

    @property
    def other_models(self) -> tuple[ModelId, ...]:
        """Further models that it is drawn with, each once."""
        second = self.hires_model if self.has_hires else ModelId("")
        named = dict.fromkeys((self.refiner, second))
        return tuple(name for name in named if name and name != self.model)

    @property
    def images(self) -> tuple[ImageId, ...]:
        """Every image that it names, each once, in the order of the fields."""
        named = (self.image, self.mask, self.class_map, self.depth_map)
        controls = (image for use in self.controls for image in (use.image, use.mask))
        return tuple(dict.fromkeys(i for i in (*named, *controls) if i is not None))

    @property
    def vaes(self) -> tuple[AdapterId, ...]:
        """The first stage that it names in place of the model's; none or one."""
        return (AdapterId(self.vae),) if "/" in self.vae else ()

    @property
    def upscaler_networks(self) -> tuple[AdapterId, ...]:
        """Upscalers beside Easel's own that it names, each once: files of networks, and what extensions offer."""
        named = [self.upscaler, self.upscaler_2]
        named += [self.hires_upscaler] if self.has_hires else []
        named += [self.tile_upscaler] if self.is_drawn_in_tiles else []
        return tuple(dict.fromkeys(AdapterId(name) for name in named if "/" in name))

    @property
    def adapters(self) -> tuple[AdapterId, ...]:
        """Every adapter that it names, each once: controlnets, LoRAs, embeddings."""
        named = [use.adapter for use in self.controls] + [*self.upscaler_networks, *self.vaes]
        for text in self.every_text:
            named += [*(use.adapter for use in text.every_lora), *text.embeddings]
        return tuple(dict.fromkeys(named))


PARAMETERS: dict[str, Parameter] = {
    name: next(m for m in info.metadata if isinstance(m, Parameter))
    for name, info in GenerationRequest.model_fields.items()
}
"""Field name to declaration, in the order of the form."""

_ENTRIES: dict[str, type[BaseModel]] = {
    "boxes": LayoutBox, "controls": ControlUse, "loras": LoraUse, "regions": RegionPrompt,
    "texts": PictureText,
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
    return validated(GenerationRequest, data)


_Order = TypeVar("_Order", bound=BaseModel)


# Any: what somebody sent; the model checks it.
def validated(model: type[_Order], data: Any) -> _Order:
    """Untrusted data as an order of any kind.

    Raises:
        InvalidField: names each wrong field, its value and what was expected.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InvalidField(problems_in(error.errors())) from error


# Any: a field's value; the model checks it.
def parse_lora(
    adapter: AdapterId, weight: float, text_weight: float | None, rank: int | None, **more: Any
) -> LoraUse:
    """Validate a LoRA that a prompt names.

    Raises:
        InvalidField: a weight is out of range.
    """
    try:
        return LoraUse(adapter=adapter, weight=weight, text_weight=text_weight, rank=rank, **more)
    except ValidationError as error:
        problems = problems_in({**e, "loc": ("loras", 0, *e["loc"])} for e in error.errors())
        named = [FieldProblem(f"{adapter} in loras", p.value, p.expected) for p in problems]
        raise InvalidField(named) from error


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
    if kind == "literal_error":
        return FieldProblem(name, shown, str(context["expected"]))
    return FieldProblem(name, shown, error["msg"][0].lower() + error["msg"][1:])


def _fields_at(loc: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """The fields beside the one at `loc`: the request's own, or those of one of its entries."""
    owner = _ENTRIES.get(str(loc[0]), GenerationRequest) if len(loc) > 1 else GenerationRequest
    return owner.model_fields
