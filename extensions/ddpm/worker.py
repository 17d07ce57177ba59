"""Loads the family: a network of pixels (Ho et al. 2020) and the noise schedule beside it."""

from collections.abc import Mapping
from pathlib import Path

from diffusers.models.unets.unet_2d import UNet2DModel

from webui.engine.families.assembling import model_of
from webui.engine.families.parts import load_part, noise_levels, read_config
from webui.engine.precision import compute_dtype
from webui.hooks.specs import hookimpl

from .about import DDPM


@hookimpl
def family_loaders() -> Mapping:
    """The loader, by what `studio.py` says of the family."""
    return {DDPM: load}


def load(checkpoint, place):
    """The network and its noise levels; Easel's samplers do the rest."""
    folder = Path(checkpoint.path)
    dtype = compute_dtype(place.device, checkpoint.dtype)
    unet = load_part(UNet2DModel, folder / "unet", place, by_content=False, torch_dtype=dtype)
    levels = noise_levels(read_config(folder / "scheduler", "scheduler_config.json"))
    return model_of(checkpoint, place, unet, levels)
