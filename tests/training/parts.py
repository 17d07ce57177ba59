"""Tiny frozen parts and scenes that the tests of the training scripts share."""

from dataclasses import replace
from pathlib import Path

import torch

from tests.training.test_first_stage import TINY
from webui.training.first_stage import build_first_stage
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts, UNetSettings
from webui.training.text import RECIPES as TEXT_RECIPES
from webui.training.text import build_text_encoder, build_tokenizer

CPU = torch.device("cpu")
TINY_UNET = UNetSettings(channels=(16, 32), attention=(False, True), heads=2)
TINY_LOOP = LoopSettings(batch=4, warmup_steps=2, budget_seconds=1.0)
SIZE = 32
"""Pixels of a tiny scene; its latents are 4x4."""


def tiny_parts() -> FrozenParts:
    """A random first stage of factor 8 with 8 channels and a random text encoder of width 32."""
    tokenizer = build_tokenizer(captions=200)
    settings = replace(TEXT_RECIPES["cpu"], hidden=32, layers=1, heads=2)
    return FrozenParts(
        build_first_stage(TINY), tokenizer, build_text_encoder(settings, tokenizer)
    ).to(CPU)


def saved_parts(folder: Path) -> FrozenParts:
    """The same, written to a diffusers folder as `FrozenParts.load` reads it."""
    parts = tiny_parts()
    parts.vae.save_pretrained(folder / "vae")
    parts.encoder.save_pretrained(folder / "text_encoder")
    parts.tokenizer.save_pretrained(folder / "tokenizer")
    return parts
