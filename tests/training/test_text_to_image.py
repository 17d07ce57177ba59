"""The second stage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.training.parts import SIZE, TINY_LOOP, TINY_UNET, tiny_parts
from webui.training.examples import Examples
from webui.training.networks import build_unet
from webui.training.runs import load_checkpoint
from webui.training.scenes import scene_pool
from webui.training.text_to_image import (
    RECIPES,
    TextToImageSettings,
    drop_captions,
    thing_weights,
    train_text_to_image,
)

SETTINGS = TextToImageSettings(unet=TINY_UNET, loop=TINY_LOOP)


def test_recipes_build_a_unet_of_their_levels() -> None:
    for settings in RECIPES.values():
        small = replace(settings.unet, channels=tuple(16 for _ in settings.unet.channels))
        unet = build_unet(small, latent_channels=8, latent_size=16, text_width=32)
        made = unet(torch.zeros(1, 8, 16, 16), 5, torch.zeros(1, 77, 32)).sample
        assert made.shape == (1, 8, 16, 16)


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    parts, pool = tiny_parts(), scene_pool(tmp_path / "scenes", 16, SIZE)
    parts.keep_latents(pool, tmp_path / "latents.pt")
    train_text_to_image(SETTINGS, parts, pool, tmp_path / "text")
    first = load_checkpoint(tmp_path / "text" / "checkpoint.pt")
    assert first is not None
    longer = replace(SETTINGS, loop=replace(TINY_LOOP, budget_seconds=first["seconds"] + 1))
    train_text_to_image(longer, parts, pool, tmp_path / "text")
    second = load_checkpoint(tmp_path / "text" / "checkpoint.pt")
    assert second is not None
    assert second["step"] > first["step"] > 0
    assert (tmp_path / "text" / "samples.png").exists()


def test_a_share_of_the_captions_is_emptied() -> None:
    dropped = drop_captions(["a"] * 1000, 0.1, np.random.default_rng(0))
    assert 60 < dropped.count("") < 140
    assert set(dropped) == {"a", ""}


def test_cells_with_things_weigh_more_and_sources_without_truth_weigh_alike() -> None:
    things = np.zeros((1, 2, 2), np.uint8)
    things[0, 0, 1] = 255
    pictures = np.zeros((1, 16, 16, 3), np.uint8)
    told = Examples(pictures=pictures, captions=("",), things=things)
    weights = thing_weights(told, 2.0, torch.zeros(1))
    assert weights is not None
    assert weights.tolist() == [[[[1.0, 3.0], [1.0, 1.0]]]]
    assert thing_weights(Examples(pictures=pictures, captions=("",)), 2.0, torch.zeros(1)) is None
