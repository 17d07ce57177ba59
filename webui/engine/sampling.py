"""A sampler's run within a program, with a note after each denoising step."""

from __future__ import annotations

from bisect import bisect_left

from torch import Tensor

from webui.engine.extending import Moment
from webui.engine.samplers import SAMPLERS
from webui.engine.samplers.common import Noise
from webui.engine.sampling_plan import Walk
from webui.engine.work import Denoise, StepTaken, Task


def sample(walk: Walk, denoise: Denoise, x: Tensor, noise: Noise, before: int = 0) -> Task[Tensor]:
    """Walk x, noisy at the first level, down to a clean latent; yields a StepTaken for each step.

    Steps are counted on from those of a pass `before`.
    """

    def fresh(between: tuple[float, float] | None = None) -> Tensor:
        return noise(between) * walk.fresh

    run = walk.extensions.sampler(walk.sampler.name) or SAMPLERS[walk.sampler.name]
    drawn = noise if walk.fresh == 1 else fresh
    walked = yield from run(_noted(denoise, walk, before), x, walk.sigmas, drawn, walk.options)
    return walk.extensions.sampled(walked)


def _noted(denoise: Denoise, walk: Walk, before: int) -> Denoise:
    """The same denoiser, which also notes when it first reaches each of the levels.

    A step is said to be taken when the network has seen its level: what remains of it is
    arithmetic, and the guess is the freshest that a preview can show. Churn begins a step above its
    level, by a factor that is undone here.
    """
    done, count = 0, walk.steps
    begun = sorted(walk.options.churn.raised(level, count) for level in walk.sigmas[:-1])

    def denoise_and_note(x: Tensor, sigma: float) -> Task[Tensor]:
        nonlocal done
        reached = count - bisect_left(begun, sigma)  # levels that are no lower
        moment = Moment(sigma, max(reached, 1), count)
        if reached > done and (changed := walk.extensions.latent(x, moment)) is not x:
            x.copy_(changed)  # the sampler goes on from it, too
        denoised = yield from denoise(x, sigma)
        denoised = walk.extensions.denoised(denoised, moment)
        if reached > done:
            done = reached
            yield StepTaken(before + done, denoised[:1])
        return denoised

    return denoise_and_note
