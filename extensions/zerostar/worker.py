"""CFG-Zero* (Fan et al. 2025): guidance of velocities, noise - x0, as flow models predict them."""

from collections.abc import Mapping

from webui.hooks.specs import hookimpl

from .about import ZERO_STAR

ZEROED = 0.04
"""Share of the steps, at the beginning, whose velocity is 0."""
NOTHING_THERE = 5.0
"""Noise level above which there is no picture yet that a step without velocity would leave noise in."""


@hookimpl
def guidance_functions() -> Mapping:
    """The method, by what `studio.py` says of it."""
    return {ZERO_STAR: zero_star}


def zero_star(guesses):
    """The paper's equation: (1 - w) s v_negative + w v_prompt, with s = <v_prompt, v_negative> / |v_negative|^2."""
    sigma, moment = guesses.moment.sigma, guesses.moment
    if moment.step <= round(ZEROED * moment.steps) and sigma > NOTHING_THERE:
        return guesses.x / (1 + sigma)  # of no velocity
    prompt, negative = (velocity(guesses.x, guess, sigma) for guess in (guesses.prompt, guesses.negative))
    best = (prompt * negative).sum() / negative.square().sum().clamp(min=1e-8)
    guided = negative * best * (1 - guesses.scale) + prompt * guesses.scale
    return (guesses.x - guided * sigma) / (1 + sigma)


def velocity(x, guess, sigma):
    """Noise - x0 of x = x0 + sigma * noise."""
    return (x - guess) / sigma - guess
