"""Adaptive projected guidance (Sadat, Hilliges & Weber 2024, algorithm 1): high scales without burnt colours.

What guidance adds along the guess itself raises contrast and saturation only, and is left out. The constants are
those that the paper has for SDXL.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from webui.contracts.choices import PROJECTED
from webui.contracts.request import GenerationRequest
from webui.engine.guidance_method import Guesses, GuidanceMethod
from webui.hooks.specs import hookimpl

MOMENTUM = -0.5
"""Share of the previous differences that is added: below 0 it takes away what they had in common (beta)."""
LONGEST = 15 / 256
"""Root mean square of the longest difference: the paper's norm of 15 for latents of 4 x 128 x 128 (r)."""
_DIMENSIONS = (1, 2, 3)


def is_asked_for(request: GenerationRequest) -> bool:
    """Whether a request names it."""
    return request.guidance_method == PROJECTED


@hookimpl
def guidance_functions() -> Mapping[str, GuidanceMethod]:
    """The method, by the name that requests have for it."""
    return {PROJECTED: projected}


def projected(guesses: Guesses) -> Tensor:
    """The prompt's guess, and the scale's share of what is across it in its difference to the negative one."""
    added = guesses.prompt - guesses.negative
    if "added" in guesses.memory:
        added = added + guesses.memory["added"] * MOMENTUM
    guesses.memory["added"] = added
    size = added.square().mean(_DIMENSIONS, keepdim=True).sqrt()
    added = added * (LONGEST / size.clamp(min=1e-12)).clamp(max=1)
    return guesses.prompt + across(added, guesses.prompt) * (guesses.scale - 1)


def across(added: Tensor, guess: Tensor) -> Tensor:
    """What of a difference (1, C, h, w) is at a right angle to a guess."""
    length = guess.square().sum(_DIMENSIONS, keepdim=True)
    along = (added * guess).sum(_DIMENSIONS, keepdim=True) / length.clamp(min=1e-12)
    return added - guess * along
