"""CFG++ (Chung et al. 2024): guidance decides what is drawn, the unguided guess how noise is renewed."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.samplers.common import Noise, SamplerOptions, ancestral_split, steps
from webui.engine.work import Denoise, Task


def ddim_cfgpp(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: Noise, options: SamplerOptions
) -> Task[Tensor]:
    """DDIM whose noise is what the unguided guess left (the paper's algorithm 2).

    `denoise` answers with two rows, (2, C, h, w): the guided and the unguided guess.
    """
    eta = 0.0 if options.eta is None else options.eta
    for sigma, following in steps(sigmas):
        both = yield from denoise(x, sigma)
        guided, unguided = both[:1], both[1:]
        down, up = ancestral_split(sigma, following, eta)
        x = guided + (x - unguided) * (down / sigma)  # (1, C, h, w)
        if up > 0:
            x = x + noise() * up
    return x
