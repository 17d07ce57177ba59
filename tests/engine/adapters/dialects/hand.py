"""Changes of weights multiplied out by hand, number by number as the papers write them, in float64."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from webui.engine.adapters.dialects import changes_of
from webui.engine.adapters.dialects.change import Change, Pieces


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def read(tensors: Mapping[str, Tensor], alpha: float | None = None) -> Change:
    """The one change that the pieces of a place make."""
    ((ending, change),) = changes_of(Pieces("unet.here", tensors, alpha))
    assert ending == ""
    return change


def close(change: Change, weight: Tensor, expected: Tensor) -> bool:
    """Whether it adds to the weight what is expected, to 1e-5."""
    made = change.change(weight)
    assert made.dtype == torch.float32
    assert made.shape == weight.shape
    return bool((made.double() - expected).abs().max() < 1e-5)
