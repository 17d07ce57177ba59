"""DDIM (Song, Meng & Ermon 2021, equation 12), rewritten for sigma space."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.guidance import Denoise
from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split, steps
from webui.engine.work import Task


def ddim(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """Clean guess plus the predicted noise at the following level; eta 1 is DDPM, default 0.

    The paper's standard deviation, divided by the square root of alpha, is the ancestral split.
    """
    eta = 0.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        denoised = yield from denoise(x, sigma)
        down, up = ancestral_split(sigma, following, eta)
        x = denoised + (x - denoised) * (down / sigma)  # (1, C, h, w)
        if up > 0:
            x = x + noise() * up
    return x
