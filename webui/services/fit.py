"""Whether a request and a model fit one another; what is wrong is said field by field."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.conditions import AUTOMATIC_RESIZE, BALANCED
from webui.contracts.errors import FieldProblem
from webui.contracts.ids import ImageId
from webui.contracts.parameters.drawing import SIZE_MULTIPLE
from webui.contracts.parameters.inpainting import MASKED, NOT_MASKED
from webui.contracts.parameters.regions import CONTROLNET, REGION_PROMPTS
from webui.contracts.parameters.upscaling import BY_MODEL, NO_SECOND, USUAL_FACTOR
from webui.contracts.request import GenerationRequest, limits
from webui.services.catalog import Catalog
from webui.services.image_encoders import missing_encoders
from webui.services.images import ImageStore
from webui.services.map_drivers import STEERED, is_steered

_NEEDED: dict[Task, tuple[tuple[str, str], ...]] = {
    "text": (),
    "inpaint": (
        ("image", "the picture to mend: this model redraws a marked part of one"),
        ("mask", "a picture that is white where to redraw: this model redraws a marked part"),
    ),
    "semantic": (("class_map", "an uploaded picture of class numbers: this model follows one"),),
    "layout": (),
    "depth": (("depth_map", "an uploaded grey picture, white near: this model follows one"),),
    "upscale": (("image", "the picture to enlarge: this model does nothing else"),),
    "class": (("class_label", "one of the model's classes, by name or number: it draws one"),),
    "unconditional": (),
    "retrieval": (),
    "edit": (
        ("image", "the picture to change: this model follows a picture and what is to be done"),
    ),
    "variation": (("image", "the picture to vary: this model draws what is like one"),),
}
"""Fields without which a model of the task cannot draw, and what was expected."""
_BELONGS: dict[str, tuple[Task, ...]] = {
    "mask": (
        "inpaint",
        "text",
        "class",
        "unconditional",
    ),  # the one that was made for it is named first
    "class_map": ("semantic", *STEERED),
    "depth_map": ("depth",),
    "boxes": ("layout", *STEERED),
    "class_label": ("class",),
    "upscale_factor": ("upscale",),
    "controls": ("text", "inpaint", "semantic", "layout", "depth", "edit"),
    "loras": ("text", "inpaint", "semantic", "layout", "depth", "edit", "variation"),
}
"""Fields that only models of some tasks can use."""


def misfits(
    request: GenerationRequest, checkpoint: CheckpointInfo, catalog: Catalog, images: ImageStore
) -> list[FieldProblem]:
    """What keeps the model from drawing the request; its images must be known.

    Args:
        request: With width and height filled in.
        checkpoint: The model that it names.
        catalog: Knows which models would do.
        images: Knows the uploaded images.
    """
    problems = [
        *_missing(request, checkpoint),
        *_foreign(request, checkpoint, catalog),
        *_undrawable_frame(request, checkpoint),
        *_beside(request, checkpoint),
    ]
    if problems:
        return problems
    if request.class_map is not None and checkpoint.task == "semantic":
        problems += _class_map(images.values(request.class_map), checkpoint)
    if request.outpaints and request.image is not None:
        problems += _frame(request, images.size(request.image))
    elif request.mask is not None:
        problems += _mask(request, images)
    if enlarges(request, checkpoint) and request.image is not None:
        problems += _upscaled(request, checkpoint, images.size(request.image))
    return [
        *problems,
        *_labels(request, checkpoint),
        *_class(request, checkpoint),
        *_loras(request, checkpoint, catalog),
        *missing_encoders(request, catalog),
        *_modes(request, catalog),
        *_resizes(request, catalog),
    ]


def _missing(request: GenerationRequest, checkpoint: CheckpointInfo) -> Iterator[FieldProblem]:
    for name, expected in _NEEDED[checkpoint.task]:
        drawn_on = name == "mask" and request.outpaints
        if not getattr(request, name) and not drawn_on:
            yield FieldProblem(name, f"missing for the model {checkpoint.id!r}", expected)
    if request.upscaler != BY_MODEL and request.image is None:
        yield FieldProblem("image", f"missing for {request.upscaler}", "the picture to enlarge")
    if request.mask is not None and request.image is None and checkpoint.task != "inpaint":
        yield FieldProblem("image", "missing beside a mask", "the picture that the mask belongs to")
    if request.outpaints and request.image is None and checkpoint.task != "inpaint":
        yield FieldProblem("image", "missing beside a frame", "the picture that is drawn on")


def _foreign(
    request: GenerationRequest, checkpoint: CheckpointInfo, catalog: Catalog
) -> Iterator[FieldProblem]:
    if request.has_hires and request.image is not None:
        yield FieldProblem(
            "hires_scale",
            "given beside an image",
            "no second pass: it is for pictures from nothing",
        )
    for name in ("refiner", "hires_model"):
        other = getattr(request, name)
        if other and catalog.get(other).task != "text":
            yield FieldProblem(name, repr(str(other)), "a model that draws from text")
    if request.refiner and (request.image is not None or checkpoint.task == "upscale"):
        yield FieldProblem(
            "refiner", "given beside an image", "no refiner: it is for pictures from nothing"
        )
    if request.is_drawn_in_tiles and checkpoint.task != "text":
        yield FieldProblem(
            "model", repr(str(checkpoint.id)), f"one that draws from text, for {request.upscaler}"
        )
    for name, tasks in _BELONGS.items():
        given = getattr(request, name)
        if name == "loras":
            given = any(text.every_lora for text in request.every_text)
        if name == "upscale_factor" and request.upscaler != BY_MODEL:
            continue
        if not given or _can_use(checkpoint, name):
            continue
        able = (info for task in tasks for info in catalog.models(task) if _can_use(info, name))
        fitting = [repr(info.id) for info in able][:3]
        rather = f"model to be {' or '.join(fitting)}, or " if fitting else ""
        yield FieldProblem(
            name,
            f"given for the model {checkpoint.id!r}, which cannot use it",
            f"{rather}{name} to be left out",
        )


def _beside(request: GenerationRequest, checkpoint: CheckpointInfo) -> Iterator[FieldProblem]:
    """What is asked for besides and does nothing here."""
    if request.loops > 1 and not _loops(request, checkpoint):
        yield FieldProblem(
            "loops", f"{request.loops} for the model {str(checkpoint.id)!r}",
            "1, but where a model draws a whole picture from an image: it cannot go round here",
        )  # fmt: skip
    if request.upscales_to_size and not enlarges(request, checkpoint):
        yield FieldProblem(
            "upscale_width", "given", "none, nor upscale_height, where no picture is enlarged"
        )
    if request.blends and not enlarges(request, checkpoint):
        yield FieldProblem(
            "upscaler_2", repr(request.upscaler_2), f"{NO_SECOND!r}, where no picture is enlarged"
        )


def _loops(request: GenerationRequest, checkpoint: CheckpointInfo) -> bool:
    """Whether what is drawn can be drawn again from what came of it."""
    from_image = request.task == "img2img" and request.upscaler == BY_MODEL
    return from_image and checkpoint.task not in ("upscale", "edit", "variation", "inpaint")


def _can_use(checkpoint: CheckpointInfo, name: str) -> bool:
    if checkpoint.task not in _BELONGS[name]:
        return False
    by_words = name in ("class_map", "boxes") and checkpoint.task in STEERED
    return not by_words or is_steered(checkpoint)


def _loras(
    request: GenerationRequest, checkpoint: CheckpointInfo, catalog: Catalog
) -> Iterator[FieldProblem]:
    """LoRAs and hypernetworks that are made for models of another width of text."""
    named = {use.adapter for text in request.every_text for use in text.every_lora}
    for info in (*catalog.adapters("lora"), *catalog.adapters("hypernetwork")):
        if (
            info.id in named
            and info.text_width
            and checkpoint.text_width not in (0, info.text_width)
        ):
            kind = f"for {info.base}, " if info.base else ""
            yield FieldProblem(
                "loras",
                f"{str(info.id)!r}, which is made {kind}for text of width {info.text_width}",
                f"one for text of width {checkpoint.text_width}, which is what the model "
                f"{str(checkpoint.id)!r} reads; take it out, or choose the model that it was trained on",
            )


def _modes(request: GenerationRequest, catalog: Catalog) -> Iterator[FieldProblem]:
    """Control modes of what knows none: an IP-Adapter is a prompt itself, and a transformer's blocks fade nowhere."""
    known = {info.id: info for info in catalog.adapters("controlnet")}
    for index, use in enumerate(request.controls):
        info = known.get(use.adapter)
        if info is None or use.mode == BALANCED:
            continue
        if info.needs_encoder or info.network is not None:
            what = "IP-Adapter" if info.is_ip_adapter else "controlnet of a transformer"
            what = "style adapter" if info.is_style_adapter else what
            yield FieldProblem(
                f"controls.{index}.mode",
                f"{use.mode!r} for the {what} {str(use.adapter)!r}",
                f"{BALANCED!r}; its weight says how much it counts",
            )


def _resizes(request: GenerationRequest, catalog: Catalog) -> Iterator[FieldProblem]:
    """Resize modes of what sees a whole picture: it has no places that they could bring elsewhere."""
    known = {info.id: info for info in catalog.adapters("controlnet")}
    for index, use in enumerate(request.controls):
        info = known.get(use.adapter)
        if info is not None and info.needs_encoder and use.resize_mode != AUTOMATIC_RESIZE:
            what = "style adapter" if info.is_style_adapter else "IP-Adapter"
            yield FieldProblem(
                f"controls.{index}.resize_mode",
                f"{use.resize_mode!r} for the {what} {str(use.adapter)!r}",
                f"{AUTOMATIC_RESIZE!r}; it looks at the whole picture, whatever its shape is",
            )


def _mask(request: GenerationRequest, images: ImageStore) -> Iterator[FieldProblem]:
    """A mask that leaves nothing to redraw."""
    least, greatest = images.brightness(request.mask or ImageId(""))
    if request.mask_mode == MASKED and greatest == 0:
        yield FieldProblem("mask", "empty: nothing of it is white", "white where to redraw")
    if request.mask_mode != MASKED and least == 255:
        yield FieldProblem(
            "mask", "white everywhere", f"black where to redraw, as mask_mode is {NOT_MASKED!r}"
        )


def _undrawable_frame(
    request: GenerationRequest, checkpoint: CheckpointInfo
) -> Iterator[FieldProblem]:
    """A frame beside what draws no masks."""
    draws_masks = checkpoint.task in _BELONGS["mask"] and request.upscaler == BY_MODEL
    if request.outpaints and not draws_masks:
        what = f"the model {checkpoint.id!r}" if request.upscaler == BY_MODEL else request.upscaler
        yield FieldProblem(
            request.first_drawn_on,
            f"given for {what}, which cannot draw a picture on",
            "0, or a model for inpainting or text",
        )


def _frame(request: GenerationRequest, size: tuple[int, int]) -> Iterator[FieldProblem]:
    """A picture with its frame has a size that a request can say."""
    width, height = request.frame(size).size
    low, high = (int(limit or 1) for limit in limits("width"))
    if min(width, height) < low or max(width, height) > high:
        yield FieldProblem(
            request.first_drawn_on,
            f"for a picture that has {width} x {height} pixels with its frame",
            f"a picture and frame with sides of {low} to {high} pixels",
        )


def _class_map(values: Sequence[int] | None, checkpoint: CheckpointInfo) -> Iterator[FieldProblem]:
    classes = checkpoint.classes
    expected = f"values from 0 to {len(classes) - 1} in a grey or palette PNG, one a class"
    if values is None:
        yield FieldProblem("class_map", "a coloured picture", expected)
    elif max(values) >= len(classes):
        yield FieldProblem("class_map", f"a picture with the value {max(values)}", expected)


def _upscaled(
    request: GenerationRequest, checkpoint: CheckpointInfo, size: tuple[int, int]
) -> Iterator[FieldProblem]:
    """An enlarged picture has the size that the factor gives, within what a request can say."""
    if (problem := _unreachable(request, size)) is not None:
        yield problem
        return
    factor = enlargement(request, checkpoint)
    low, high = limits("width")
    least, most = math.ceil(int(low or 1) / factor), int(int(high or 1) / factor)
    if not (least <= min(size) and max(size) <= most):
        yield FieldProblem(
            "image",
            f"{size[0]} x {size[1]} pixels",
            f"sides of {least} to {most} pixels, as {_enlarger(request)} enlarges {factor:g} times",
        )
        return
    if request.upscales_to_size:
        return
    for name, side in zip(("width", "height"), size, strict=True):
        wanted = upscaled_side(side, factor)
        if getattr(request, name) != wanted:
            yield FieldProblem(
                name,
                str(getattr(request, name)),
                f"{wanted}, {factor:g} times the image's, or nothing",
            )


def _unreachable(request: GenerationRequest, size: tuple[int, int]) -> FieldProblem | None:
    """A size that no allowed factor gives."""
    if not request.upscales_to_size:
        return None
    low, high = limits("upscale_factor")
    least, most = low or 1.0, high or 1.0
    if least <= request.factor_to_size(size) <= most:
        return None
    name = "upscale_height" if request.upscale_width is None else "upscale_width"
    own = size[name == "upscale_height"]
    return FieldProblem(
        name,
        f"{getattr(request, name)} for an image of {size[0]} x {size[1]} pixels",
        f"{math.ceil(own * least)} to {int(own * most)}, {least:g} to {most:g} times the image's",
    )


def to_size(
    request: GenerationRequest, checkpoint: CheckpointInfo, image_size: tuple[int, int] | None
) -> GenerationRequest:
    """The request with the factor and the size that a wanted width or height mean, where it asks for one."""
    if not request.upscales_to_size or image_size is None or not enlarges(request, checkpoint):
        return request
    factor = request.factor_to_size(image_size)
    width, height = (upscaled_side(side, factor) for side in image_size)
    size = {
        "width": request.upscale_width or width,
        "height": request.upscale_height or height,
    }
    return request.model_copy(update={"upscale_factor": factor, **size})


def _enlarger(request: GenerationRequest) -> str:
    return "the model" if request.upscaler == BY_MODEL else request.upscaler


def enlarges(request: GenerationRequest, checkpoint: CheckpointInfo) -> bool:
    """Whether the request is for its image, larger, and for nothing else."""
    return checkpoint.task == "upscale" or request.upscaler != BY_MODEL


def enlargement(request: GenerationRequest, checkpoint: CheckpointInfo) -> float:
    """How many times as wide and high an enlarged picture is."""
    usual = checkpoint.latent_factor if request.upscaler == BY_MODEL else USUAL_FACTOR
    return float(request.upscale_factor or usual)


def upscaled_side(side: int, factor: float) -> int:
    """Pixels of an enlarged side, down to a size that a request can say."""
    return int(side * factor) // SIZE_MULTIPLE * SIZE_MULTIPLE


def _labels(request: GenerationRequest, checkpoint: CheckpointInfo) -> Iterator[FieldProblem]:
    if request.map_driver in (REGION_PROMPTS, CONTROLNET):
        return  # they have the palette's labels, or any
    for index, box in enumerate(request.boxes):
        if box.label not in checkpoint.classes:
            known = ", ".join(checkpoint.classes)
            yield FieldProblem(f"boxes.{index}.label", repr(box.label), f"one of {known}")


def _class(request: GenerationRequest, checkpoint: CheckpointInfo) -> Iterator[FieldProblem]:
    label, count = request.class_label, len(checkpoint.classes)
    if label and checkpoint.class_index(label) is None:
        near = difflib.get_close_matches(
            label.lower(), [c.lower() for c in checkpoint.classes], n=3
        )
        such = f", such as {', '.join(map(repr, near))}" if near else ""
        yield FieldProblem(
            "class_label",
            repr(label),
            f"a name of its {count} classes{such}, or a number below {count}",
        )
