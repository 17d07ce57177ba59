"""The sampler of consistency models (Song et al. 2023, algorithm 1; Luo et al. 2023, algorithm 3)."""

# ruff: noqa: ARG001 - all samplers have one signature, not all need all of it

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, steps
from webui.engine.work import Denoise, Task


def lcm(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """The clean guess, then fresh noise at the following level.

    For models that were taught to guess the end of the path from any point of it, as their few
    steps need; of any other model it makes a blur. The papers' boundary condition differs from the
    plain guess by less than a part in 100,000 from timestep 16 on, and is left out.
    """
    for sigma, following in steps(sigmas):
        x = yield from denoise(x, sigma)  # (1, C, h, w)
        if following > 0:
            x = x + noise() * following
    return x
