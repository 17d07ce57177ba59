"""Ralston's method (1962) on the probability flow: of all of second order, that of the least error bound."""

from webui.engine.samplers.common import is_leap, steps
from webui.hooks.specs import hookimpl

from .about import RALSTON


def ralston(denoise, x, sigmas, noise, options):
    """A quarter of the slope here and three quarters of that two thirds of a step ahead; to 0, Euler's."""
    for sigma, following in steps(sigmas):
        slope = (x - (yield from denoise(x, sigma))) / sigma
        if not is_leap(sigma, following):
            ahead = sigma + (following - sigma) * 2 / 3
            point = x + slope * (ahead - sigma)
            slope = slope / 4 + (point - (yield from denoise(point, ahead))) / ahead * 3 / 4
        x = x + slope * (following - sigma)
    return x


@hookimpl
def sampler_functions():
    """The sampler, by what `studio.py` says of it."""
    return {RALSTON: ralston}
