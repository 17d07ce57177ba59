"""A sampler's run within a program, with a note after each denoising step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from webui.engine.denoisers import NoiseLevels
from webui.engine.guidance import Denoise
from webui.engine.samplers import SAMPLERS, SamplerOptions
from webui.engine.samplers.common import Noise
from webui.engine.work import StepTaken, Task


def sample(
    sampler: str,
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    levels: NoiseLevels,
) -> Task[Tensor]:
    """Walk x, noisy at sigmas[0], down to a clean latent; yields a StepTaken for each step."""
    run, options = SAMPLERS[sampler], SamplerOptions(earlier=levels.earlier)
    return (yield from run(_noted(denoise, sigmas), x, sigmas, noise, options))


def _noted(denoise: Denoise, sigmas: Sequence[float]) -> Denoise:
    """The same denoiser, which also notes when it first reaches each of the sigmas.

    A step is said to be taken when the network has seen its level: what remains of it is
    arithmetic, and the guess is the freshest that a preview can show.
    """
    done = 0

    def denoise_and_note(x: Tensor, sigma: float) -> Task[Tensor]:
        nonlocal done
        denoised = yield from denoise(x, sigma)
        reached = sum(level >= sigma for level in sigmas[:-1])
        if reached > done:
            done = reached
            yield StepTaken(done, denoised)
        return denoised

    return denoise_and_note
