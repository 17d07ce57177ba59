"""The refiner: another model that draws the last steps (Podell et al. 2023, section 2.5)."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.model import LoadedModel
from webui.engine.programs.conditions import conditioned
from webui.engine.programs.order import PictureOrder
from webui.engine.sampling_plan import Walk
from webui.engine.work import Denoise, Task


def refined(order: PictureOrder, model: LoadedModel, walk: Walk) -> Task[Denoise]:
    """A denoiser that follows the request with its model, and with its refiner from a step on.

    LoRAs and controls are made for the first model, so the refiner draws without them. The sampler
    goes on with what it remembers of the steps before.

    Raises:
        BadRequest: the refiner's latents are not the model's.
    """
    first = yield from conditioned(order, model, walk)
    request = order.request
    if not request.refiner:
        return first
    refiner = order.model(request.refiner)
    check_latents(model, refiner, "refiner")
    begins = [i for i in range(walk.steps) if i >= request.refiner_switch_at * walk.steps]
    if not begins:
        return first
    level = walk.sigmas[begins[0]]
    bare = replace(order, request=request.model_copy(update={"loras": (), "controls": ()}))
    levels = refiner.levels_at(*order.size(refiner))
    own = replace(walk, levels=Walk.of(request, levels, order.extensions).levels)
    second = yield from conditioned(bare, refiner, own)

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        return (yield from (second if sigma <= level * (1 + 1e-6) else first)(x, sigma))

    return denoise


def check_latents(model: LoadedModel, other: LoadedModel, what: str) -> None:
    """See that one model can go on with the latents of another.

    Raises:
        BadRequest: it cannot.
    """
    shapes = [(m.checkpoint.latent_channels, m.checkpoint.latent_factor) for m in (model, other)]
    if shapes[0] != shapes[1]:
        (channels, factor), (theirs, their_factor) = shapes
        raise BadRequest(
            f"The {what} {other.checkpoint.id!r} has latents of {theirs} channels at 1/{their_factor} of "
            f"the size, and {model.checkpoint.id!r} of {channels} at 1/{factor}. Choose one of its kind."
        )
