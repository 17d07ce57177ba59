"""What follows a class map or boxes: the model itself, a ControlNet, or a prompt a region."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from PIL import Image, ImageDraw

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.conditions import MAX_REGIONS, ControlUse, LayoutBox, RegionPrompt
from webui.contracts.errors import FieldProblem, InvalidField
from webui.contracts.ids import ImageId
from webui.contracts.palettes import MODELS_OWN, Palette, palette_of
from webui.contracts.parameters.regions import (
    AUTOMATIC_DRIVER,
    CONTROLNET,
    NATIVE,
    REGION_PROMPTS,
)
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.images import ImageStore

CLASSES = "classes"
"""What a controlnet for class maps says that it reads."""
STEERED: tuple[Task, ...] = ("text", "inpaint", "depth", "edit")
"""Tasks of models that region prompts or a controlnet steer where they read text; a map by itself cannot.

An editing model's regions say what is to be done in each. Models of a class, of no words or of like
pictures have nothing that could say what is where.
"""


def is_steered(checkpoint: CheckpointInfo) -> bool:
    """Whether words of each region, or a controlnet, bring a model to follow a map."""
    return checkpoint.task in STEERED and checkpoint.reads_text


def drivers_of(checkpoint: CheckpointInfo, catalog: Catalog) -> tuple[str, ...]:
    """The drivers that a model can be driven by, the one that suits it best first.

    Of a model that reads text these are region prompts: words count, and no palette has to be one that
    a controlnet was taught.
    """
    if checkpoint.task in ("semantic", "layout"):
        return (NATIVE,)
    if not is_steered(checkpoint):
        return ()
    net = controlnet_for(checkpoint, catalog)
    return (REGION_PROMPTS,) if net is None else (REGION_PROMPTS, CONTROLNET)


def driver_for(request: GenerationRequest, checkpoint: CheckpointInfo, catalog: Catalog) -> str:
    """The driver that a request with a map or boxes is drawn by; AUTOMATIC_DRIVER where none can."""
    if request.map_driver != AUTOMATIC_DRIVER:
        return request.map_driver
    return next(iter(drivers_of(checkpoint, catalog)), AUTOMATIC_DRIVER)


def driven(
    request: GenerationRequest,
    checkpoint: CheckpointInfo,
    catalog: Catalog,
    images: ImageStore,
    palettes: Mapping[str, Palette] = MappingProxyType({}),
) -> GenerationRequest:
    """The request with its driver named, and what that driver needs filled in.

    Native is not named where nobody did: its models have no other driver, and a form that is filled from
    the picture's parameters stays of use when another model is chosen there. `palettes` are there beside
    Easel's own.

    Raises:
        InvalidField: the model cannot be driven so, or the map is none of the palette.
    """
    if request.class_map is None and not request.boxes:
        return request
    driver, can = driver_for(request, checkpoint, catalog), drivers_of(checkpoint, catalog)
    if not can:
        return request  # said where the fields are compared with the model
    if driver not in can:
        raise InvalidField([_impossible(driver, checkpoint, can)])
    palette = palette_of(request.map_palette, checkpoint.classes, palettes)
    if driver == NATIVE:
        return _native(request, checkpoint, palette)
    request = request.model_copy(update={"map_driver": driver})
    if request.class_map is None and driver == CONTROLNET:
        raise InvalidField([_without_map()])
    if request.class_map is None:
        return request
    used = images.values(request.class_map)
    if used is None:
        raise InvalidField([_coloured()])
    if driver == CONTROLNET:
        return _controlled(request, checkpoint, catalog, images, palette)
    return request if request.regions else _named(request, used, palette)


def controlnet_for(checkpoint: CheckpointInfo, catalog: Catalog) -> AdapterInfo | None:
    """The controlnet for class maps: rather the one that lies beside the model."""
    nets = [net for net in catalog.adapters("controlnet") if net.reads == CLASSES]
    beside = [net for net in nets if _folder(net.id) == _folder(checkpoint.id)]
    return next(iter([*beside, *nets]), None)


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _native(
    request: GenerationRequest, checkpoint: CheckpointInfo, palette: Palette | None
) -> GenerationRequest:
    named = palette is not None and palette.classes == checkpoint.classes
    if request.map_palette == MODELS_OWN or named:
        return request
    raise InvalidField(
        [
            FieldProblem(
                "map_palette",
                f"{request.map_palette!r} for the model {checkpoint.id!r}, which has classes of its own",
                f"{MODELS_OWN!r}: {', '.join(checkpoint.classes[:16])}",
            )
        ]
    )


def _controlled(
    request: GenerationRequest,
    checkpoint: CheckpointInfo,
    catalog: Catalog,
    images: ImageStore,
    palette: Palette | None,
) -> GenerationRequest:
    """With a control that shows the map in its palette's colours, boxes over it, in place of an earlier one."""
    net = controlnet_for(checkpoint, catalog)
    if palette is None or net is None or request.class_map is None:
        raise InvalidField(
            [
                FieldProblem(
                    "map_palette",
                    f"{request.map_palette!r} for a ControlNet",
                    "a palette of colours that it was taught: World, ADE20K, COCO-Stuff or an extension's",
                )
            ]
        )
    unknown = [(i, box) for i, box in enumerate(request.boxes) if box.label not in palette.classes]
    if unknown:
        known = f"one of the palette's: {', '.join(palette.classes)}"
        raise InvalidField(
            [FieldProblem(f"boxes.{i}.label", repr(b.label), known) for i, b in unknown]
        )
    picture = _in_colours(images, request.class_map, palette, request.boxes)
    others = tuple(use for use in request.controls if use.adapter != net.id)
    return request.model_copy(
        update={"controls": (*others, ControlUse(adapter=net.id, image=picture))}
    )


def _in_colours(
    images: ImageStore, class_map: ImageId, palette: Palette, boxes: Sequence[LayoutBox]
) -> ImageId:
    """The map as a picture; a box is an area of its label's class, a later one over an earlier."""
    with Image.open(images.path(class_map), formats=("PNG",)) as stored:
        numbers = Image.frombytes("P", stored.size, stored.tobytes())
    numbers.putpalette([level for colour in palette.colours for level in colour])
    brush, (width, height) = ImageDraw.Draw(numbers), numbers.size
    for box in boxes:
        left, right = round(box.left * width), max(round(box.right * width) - 1, 0)
        top, bottom = round(box.top * height), max(round(box.bottom * height) - 1, 0)
        place = (left, top, max(left, right), max(top, bottom))
        brush.rectangle(place, fill=palette.classes.index(box.label))
    out = io.BytesIO()
    numbers.convert("RGB").save(out, "PNG", compress_level=4)
    return images.put(out.getvalue())


def _named(
    request: GenerationRequest, used: Sequence[int], palette: Palette | None
) -> GenerationRequest:
    """With a region for each class of the map, in the words of the palette."""
    palette = palette or Palette((), ())
    classes = palette.classes
    unknown = [value for value in used if value >= len(classes)]
    if unknown:
        raise InvalidField(
            [
                FieldProblem(
                    "class_map",
                    f"a picture with the value {unknown[-1]}",
                    f"values from 0 to {len(classes) - 1}, those of the palette"
                    if classes
                    else "regions beside it: one prompt a value, as the palette is your own",
                )
            ]
        )
    if len(used) > MAX_REGIONS:
        raise InvalidField(
            [FieldProblem("class_map", f"a map of {len(used)} classes", f"at most {MAX_REGIONS}")]
        )
    regions = tuple(
        RegionPrompt(value=value, name=classes[value], prompt=palette.words_of(value))
        for value in used
    )
    return request.model_copy(update={"regions": regions})


def _impossible(driver: str, checkpoint: CheckpointInfo, can: Sequence[str]) -> FieldProblem:
    return FieldProblem(
        "map_driver",
        f"{driver!r} for the model {checkpoint.id!r}, which cannot be driven so",
        f"one of {AUTOMATIC_DRIVER}, {', '.join(can)}",
    )


def _without_map() -> FieldProblem:
    return FieldProblem(
        "class_map", "missing", f"a map below the boxes, for {CONTROLNET} sees its colours"
    )


def _coloured() -> FieldProblem:
    return FieldProblem(
        "class_map", "a coloured picture", "a grey or palette PNG of class numbers, one a class"
    )
