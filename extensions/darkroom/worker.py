"""What happens to a picture on its way; each function gives None where nothing is asked of it.

The noise is drawn from the picture's own seed, so that the same order gives the same picture.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, interpolate

from webui.hooks.specs import hookimpl

from .about import COSINE
from .arguments import Darkroom

COARSE = 8
"""Latent cells of which broad forms are the mean."""
GRAIN = 24.0
"""Standard deviation of full grain, in levels of 255."""


def cosine(levels, steps, span):
    """Steps + 1 noise levels whose logarithms fall as a cosine, the last 0."""
    high, low = (math.log(level) for level in span.ends(levels))
    middle, half = (high + low) / 2, (high - low) / 2
    turns = [math.pi * i / max(steps - 1, 1) for i in range(steps)]
    return [math.exp(middle + half * math.cos(turn)) for turn in turns] + [0.0]


@hookimpl
def schedule_functions() -> Mapping:
    """The schedule, by what `studio.py` says of it."""
    return {COSINE: cosine}


@hookimpl
def change_conditioning(conditioning, order, arguments: Darkroom):
    """Noise of the tokens' own spread mixed in (as CADS does along the way: Sadat et al. 2023)."""
    share = arguments.variety
    if not share:
        return None
    return conditioning.with_tokens(
        lambda tokens: tokens * math.sqrt(1 - share**2) + noise_like(tokens, order.seed, 1) * tokens.std() * share
    )


@hookimpl
def change_latent(latent, moment, order, arguments: Darkroom):
    """At the first step, noise of a share of its level: what is there by the level itself stays."""
    if not arguments.extra_noise or moment.step != 1:
        return None
    return latent + noise_like(latent, order.seed, 2) * arguments.extra_noise


@hookimpl
def change_guidance(guided, output, arguments: Darkroom):
    """What guidance adds, its broad and its small forms by themselves (Sadat et al. 2025)."""
    coarse, fine = arguments.coarse_guidance, arguments.fine_guidance
    if coarse == fine == 1 or output.shape[0] < 2:
        return None
    followed = output[:1]
    added = guided - followed
    broad = blurred(added)
    return followed + broad * coarse + (added - broad) * fine


@hookimpl
def change_denoised(denoised, arguments: Darkroom):
    """Each channel's mean drawn towards 0."""
    if not arguments.centre:
        return None
    return denoised - denoised.mean(dim=(-2, -1), keepdim=True) * arguments.centre


@hookimpl
def change_sampled(latent, arguments: Darkroom):
    """Each channel spread about its mean."""
    if arguments.contrast == 1:
        return None
    mean = latent.mean(dim=(-2, -1), keepdim=True)
    return mean + (latent - mean) * arguments.contrast


@hookimpl
def change_picture(pixels, order, arguments: Darkroom):
    """Grain, the same in all colours, least in black and white."""
    if not arguments.grain:
        return None
    shades = pixels.astype(np.float64).mean(axis=2, keepdims=True) / 255
    drawn = np.random.default_rng(order.seed).normal(size=shades.shape)
    strength = arguments.grain * GRAIN * 4 * shades * (1 - shades)
    return np.clip(np.rint(pixels + drawn * strength), 0, 255).astype(np.uint8)


def blurred(latent):
    """The means of windows, of the latent's own size; of one smaller than a window, its mean."""
    high, wide = latent.shape[-2:]
    small = avg_pool2d(latent, (min(COARSE, high), min(COARSE, wide)), ceil_mode=True)
    return interpolate(small, size=(high, wide), mode="bilinear", align_corners=False)


def noise_like(tensor, seed: int, stream: int):
    """Noise of a seed; streams of one seed are not each other's."""
    generator = torch.Generator().manual_seed(seed * 4 + stream)
    return torch.randn(tensor.shape, generator=generator).to(tensor)
