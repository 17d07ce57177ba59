"""The parts that all starter models stand on, trained from nothing: first stage and text encoder.

Every part is kept in its own folder of a run and is trained only where it is missing, so that the
same command goes on where the last one stopped.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from diffusers import AutoencoderKL
from transformers import CLIPTextModel, CLIPTokenizer

from webui.training import decoder, first_stage, text
from webui.training.command import keep_own_latents, run_device, scenes_of
from webui.training.decoder import sharpen_decoder
from webui.training.first_stage import train_first_stage
from webui.training.networks import FrozenParts
from webui.training.scenes import ahead, scene_pool
from webui.training.text import train_text_encoder


def trained_parts(recipe: str, runs: Path) -> FrozenParts:
    """First stage and text encoder of a recipe, trained, or gone on with, below `runs`."""
    encoder_folder, vae_folder = runs / "text-encoder", runs / "first-stage"
    device = run_device()
    tokenizer, encoder = _text_encoder(recipe, encoder_folder)
    settings = first_stage.RECIPES[recipe]
    scenes = partial(scene_pool, runs / "scenes", scenes_of(recipe, settings.size), settings.size)
    if not (vae_folder / "vae" / "config.json").exists():
        scene_pool(runs / "scenes", settings.scenes, settings.size)  # its own, which it waits for
        with ahead(scenes, recipe == "gpu"):
            train_first_stage(settings, vae_folder, device).save_pretrained(vae_folder / "vae")
    parts = FrozenParts(AutoencoderKL.from_pretrained(vae_folder / "vae"), tokenizer, encoder)
    parts.to(device)
    pool = scenes()
    keep_own_latents(parts, pool, runs / "latents.pt")
    if recipe in decoder.RECIPES:
        sharpen_decoder(decoder.RECIPES[recipe], parts, pool, runs / "decoder")
    return parts


def _text_encoder(recipe: str, folder: Path) -> tuple[CLIPTokenizer, CLIPTextModel]:
    """Trained once; its tokenizer is learned anew from the same captions each time."""
    return train_text_encoder(text.RECIPES[recipe], folder, run_device())
