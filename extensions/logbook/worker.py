"""What only the worker knows goes to its log: where a model lies, and a guess that is no number."""

import logging

from torch import Tensor

from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder
from webui.hooks.specs import hookimpl

_log = logging.getLogger("easel.logbook")
_spoiled: set[int] = set()
"""Orders, by identity, of which it was said."""


@hookimpl
def model_loaded(model: LoadedModel) -> None:
    """Say where it lies."""
    _log.info("%s is on %s.", model.checkpoint.id, model.device)


@hookimpl
def step_taken(denoised: Tensor, step: int, order: PictureOrder) -> None:
    """Say once of a picture that its guess is no number any more: black pictures begin so."""
    if id(order) in _spoiled or bool(denoised.isfinite().all()):
        return
    _spoiled.add(id(order))
    _log.warning(
        "The guess of step %d is no number (seed %s, %s). Another precision, sampler or VAE may help.",
        step, order.seed, order.request.sampler,
    )  # fmt: skip
