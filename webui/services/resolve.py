"""Filling in what a request leaves open, so that what is stored says everything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from webui.contracts.access import OrderHooks
from webui.contracts.adapter import AdapterKind
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.conditions import ControlUse, LoraUse
from webui.contracts.errors import BadRequest, FieldProblem, InvalidField, UnknownAdapter
from webui.contracts.ids import AdapterId
from webui.contracts.parameters.drawing import MAX_SEED, SIZE_MULTIPLE
from webui.contracts.parameters.hires import MAX_SIDE
from webui.contracts.parameters.inpainting import WHOLE_PICTURE
from webui.contracts.request import PARAMETERS, GenerationRequest, limits
from webui.services.catalog import Catalog
from webui.services.fit import enlargement, enlarges, misfits, to_size, upscaled_side
from webui.services.images import ImageStore
from webui.services.map_drivers import driven
from webui.services.wording import NO_SOURCES, WordSources, counted, worded

MAX_TOTAL_PIXELS = 2**27
"""Over all pictures of one job: eight of 4096 x 4096, or a hundred of 1024 x 1024."""

_Use = TypeVar("_Use", ControlUse, LoraUse)


def resolve(
    request: GenerationRequest,
    catalog: Catalog,
    images: ImageStore,
    draw: Callable[[int], int],
    sources: WordSources = NO_SOURCES,
) -> GenerationRequest:
    """The same order with model, size, seed, each picture's words and what the model suggests filled in.

    Args:
        request: As it came.
        catalog: Knows the models.
        images: Knows the uploaded images.
        draw: Gives a random number from 0 up to, not including, its argument.
        sources: Know styles and wildcards.

    Raises:
        BadRequest: no model is installed, or an UnknownModel, UnknownAdapter or InvalidField with
            its reason, or a prompt's tag or wildcard cannot be used.
        NotFound: an image is unknown.
    """
    request = counted(request, sources)
    checkpoint = catalog.get(request.model) if request.model else _default(catalog)
    further = {
        name: catalog.get(wanted).id
        for name in ("refiner", "hires_model")
        if (wanted := getattr(request, name))
    }
    for image in request.images:
        images.path(image)
    shape = request.image or request.class_map or request.depth_map
    image_size = None if shape is None else images.size(shape)
    request = to_size(request, checkpoint, image_size)
    width, height = fitting_size(request, checkpoint, image_size)
    # A matrix has one seed for all.
    room = MAX_SEED - (0 if request.prompt_choices == "Matrix" else request.count - 1)
    varied = request.variation_strength > 0
    seed = draw(MAX_SEED + 1 if varied else room + 1) if request.seed == -1 else request.seed
    variation = request.variation_seed
    variation = draw(room + 1) if varied and variation == -1 else variation
    resolved = request.model_copy(
        update={
            **_suggested(request, checkpoint),
            "model": checkpoint.id, "width": width, "height": height, "seed": seed,
            "variation_seed": variation, **further,
            **_whole_ids(request, catalog, sources.hooks),
            "controls": _with_ids(request.controls, "controlnet", catalog),
            "loras": _with_ids(request.loras, "lora", catalog),
        }
    )  # fmt: skip
    worded_too = worded(resolved, catalog, sources)
    resolved = driven(worded_too, checkpoint, catalog, images, sources.hooks.palettes())
    problems = [*_excesses(resolved, room), *misfits(resolved, checkpoint, catalog, images)]
    if problems:
        raise InvalidField(problems)
    return resolved


def _suggested(request: GenerationRequest, checkpoint: CheckpointInfo) -> dict[str, object]:
    """What suits the model, for the fields on which the request is silent."""
    said = request.model_fields_set
    return {name: value for name, value in checkpoint.defaults if name not in said}


def _whole_ids(
    request: GenerationRequest, catalog: Catalog, hooks: OrderHooks
) -> dict[str, AdapterId]:
    """Ids of adapters that stand in place of choices; what an extension offers is no adapter.

    A file goes before an extension's choice of the same name, so that no extension takes the place of one.
    """
    found = {}
    for name, parameter in PARAMETERS.items():
        kind, named = parameter.names_adapter, getattr(request, name)
        if kind is None or "/" not in named:
            continue
        try:
            found[name] = catalog.adapter(kind, AdapterId(named)).id
        except UnknownAdapter:
            if not hooks.offers_choice(name, named):
                raise
    return found


def _with_ids(uses: tuple[_Use, ...], kind: AdapterKind, catalog: Catalog) -> tuple[_Use, ...]:
    """The uses with their adapters' whole ids, where a last part alone was given."""
    return tuple(
        use.model_copy(update={"adapter": catalog.adapter(kind, use.adapter).id}) for use in uses
    )


def fitting_size(
    request: GenerationRequest, checkpoint: CheckpointInfo, image_size: tuple[int, int] | None
) -> tuple[int, int]:
    """Width and height: as asked, else the image's shape at the model's area, else the model's.

    A picture that is drawn on beyond its sides has its own size with the frame, at any other that is
    asked for; where only its new part is drawn, that has the model's.

    An upscaling model's are the image's, enlarged; a class map or a depth map has its shape kept as
    a start image has.
    """
    if request.outpaints and image_size is not None:
        if request.inpaint_area == WHOLE_PICTURE:
            return request.frame(image_size).size
        image_size = None
    if request.width is not None and request.height is not None:
        return request.width, request.height
    if image_size is None:
        return request.width or checkpoint.native_width, request.height or checkpoint.native_height
    if enlarges(request, checkpoint):
        factor = enlargement(request, checkpoint)
        large = [_allowed(upscaled_side(side, factor)) for side in image_size]
        return request.width or large[0], request.height or large[1]
    aspect = image_size[0] / image_size[1]
    if request.width is not None:
        return request.width, _allowed(request.width / aspect)
    if request.height is not None:
        return _allowed(request.height * aspect), request.height
    height = math.sqrt(checkpoint.native_width * checkpoint.native_height / aspect)
    return _allowed(height * aspect), _allowed(height)


def _allowed(pixels: float) -> int:
    low, high = limits("width")
    whole = round(pixels / SIZE_MULTIPLE) * SIZE_MULTIPLE
    return int(min(max(whole, low or SIZE_MULTIPLE), high or whole))


def _default(catalog: Catalog) -> CheckpointInfo:
    checkpoint = catalog.default()
    if checkpoint is not None:
        return checkpoint
    broken = "".join(
        f" {path!r} cannot be used: {reason}" for path, reason in catalog.problems()[:3]
    )
    raise BadRequest(
        "No model is installed, so nothing can be drawn. Put one into the models folder, or train the "
        f"starter with `python launch.py train starter`.{broken}"
    )


def _excesses(request: GenerationRequest, room: int) -> list[FieldProblem]:
    problems = []
    width, height = request.width or 0, request.height or 0
    if request.has_hires:
        width, height = request.hires_size(width, height)
        if max(width, height) > MAX_SIDE:
            problems.append(
                FieldProblem(
                    "hires_scale", f"{width} x {height} pixels",
                    f"sides of at most {MAX_SIDE} pixels; choose a smaller scale or size",
                )
            )  # fmt: skip
    total = width * height * request.count
    if total > MAX_TOTAL_PIXELS:
        problems.append(
            FieldProblem(
                "count", f"{request.count} at {width} x {height} pixels",
                f"at most {MAX_TOTAL_PIXELS} pixels in all; ask for fewer or smaller pictures",
            )
        )  # fmt: skip
    moving = "variation_seed" if request.variation_strength > 0 else "seed"
    if (seed := getattr(request, moving)) > room:
        name = moving.replace("_", " ")
        problems.append(
            FieldProblem(
                moving,
                str(seed),
                f"at most {room} with count {request.count}, as picture i uses {name} + i",
            )
        )
    return problems
