"""Filling in what a request leaves open, so that what is stored says everything."""

from __future__ import annotations

import math
from collections.abc import Callable

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BadRequest, FieldProblem, InvalidField
from webui.contracts.request import MAX_SEED, SIZE_MULTIPLE, GenerationRequest, limits
from webui.services.catalog import Catalog
from webui.services.images import ImageStore

MAX_TOTAL_PIXELS = 2**27
"""Over all pictures of one job: eight of 4096 x 4096, or a hundred of 1024 x 1024."""


def resolve(
    request: GenerationRequest, catalog: Catalog, images: ImageStore, draw: Callable[[int], int]
) -> GenerationRequest:
    """The same order with model, size and seed filled in.

    Args:
        request: As it came.
        catalog: Knows the models.
        images: Knows the uploaded images.
        draw: Gives a random number from 0 up to, not including, its argument.

    Raises:
        BadRequest: no model is installed, or an UnknownModel or InvalidField with its reason.
        NotFound: the image is unknown.
    """
    checkpoint = catalog.get(request.model) if request.model else _default(catalog)
    image_size = None if request.image is None else images.size(request.image)
    width, height = fitting_size(request, checkpoint, image_size)
    room = MAX_SEED - (request.count - 1)
    seed = draw(room + 1) if request.seed == -1 else request.seed
    resolved = request.model_copy(
        update={"model": checkpoint.id, "width": width, "height": height, "seed": seed}
    )
    _check(resolved, room)
    return resolved


def total_steps(request: GenerationRequest) -> int:
    """Denoising steps of the whole job, as far as known before a worker says."""
    steps = request.steps
    if request.image is not None:
        steps = min(steps, math.ceil(steps * request.denoising_strength))
    return steps * request.count


def fitting_size(
    request: GenerationRequest, checkpoint: CheckpointInfo, image_size: tuple[int, int] | None
) -> tuple[int, int]:
    """Width and height: as asked, else the image's shape at the model's area, else the model's."""
    if request.width is not None and request.height is not None:
        return request.width, request.height
    if image_size is None:
        return request.width or checkpoint.native_width, request.height or checkpoint.native_height
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


def _check(request: GenerationRequest, room: int) -> None:
    problems = []
    total = (request.width or 0) * (request.height or 0) * request.count
    if total > MAX_TOTAL_PIXELS:
        problems.append(
            FieldProblem(
                "count", f"{request.count} at {request.width} x {request.height} pixels",
                f"at most {MAX_TOTAL_PIXELS} pixels in all; ask for fewer or smaller pictures",
            )
        )  # fmt: skip
    if request.seed > room:
        problems.append(
            FieldProblem(
                "seed",
                str(request.seed),
                f"at most {room} with count {request.count}, as picture i uses seed + i",
            )
        )
    if problems:
        raise InvalidField(problems)
