"""The first stage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from webui.training.first_stage import (
    RECIPES,
    FirstStageSettings,
    build_first_stage,
    normalise_latents,
    reconstruction_psnr,
    to_model,
    train_first_stage,
)
from webui.training.reconstruction import pyramid_loss
from webui.training.runs import load_checkpoint
from webui.training.scenes import scene_pool

TINY = FirstStageSettings(
    size=32,
    scenes=16,
    channels=(8, 8, 8, 8),
    crop=16,
    crop_batch=2,
    full_batch=2,
    budget_seconds=1.0,
)
CPU = torch.device("cpu")


def test_the_pyramid_loss_is_zero_for_equal_pictures_and_sees_edges() -> None:
    flat = torch.zeros(1, 3, 16, 16)
    edged = flat.clone()
    edged[..., 8:] = 1.0
    assert pyramid_loss(flat, flat).item() == 0.0
    assert (
        pyramid_loss(flat, edged).item() == 0.0
    )  # an even step on the pyramid's grid has no detail
    edged[..., 7:] = 1.0
    assert pyramid_loss(flat, edged).item() > 0.0


def test_every_recipe_downsamples_by_eight() -> None:
    for settings in RECIPES.values():
        small = replace(settings, channels=tuple(8 for _ in settings.channels))
        latent = build_first_stage(small).encode(torch.zeros(1, 3, 64, 48)).latent_dist.mode()
        assert latent.shape == (1, settings.latent_channels, 8, 6)


def test_pictures_survive_the_way_into_the_model() -> None:
    picture = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    model = to_model(picture)
    assert model.shape == (2, 3, 4, 4)
    assert model[1, 2, 3, 0].item() == pytest.approx(picture[1, 3, 0, 2] / 127.5 - 1)


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    train_first_stage(TINY, tmp_path / "run", CPU)
    first = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert first is not None
    assert first["step"] > 0
    vae = train_first_stage(
        replace(TINY, budget_seconds=first["seconds"] + 1), tmp_path / "run", CPU
    )
    second = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert second is not None
    assert second["step"] > first["step"]
    assert second["seconds"] >= first["seconds"] + 1
    assert (tmp_path / "run" / "reconstructions.png").exists()
    assert 5.0 < reconstruction_psnr(vae, scene_pool(tmp_path / "scenes", 16, 32).pictures) < 60.0


def test_latents_are_scaled_to_unit_variance(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, 16, 32)
    vae = normalise_latents(build_first_stage(TINY), pool)
    with torch.no_grad():
        latents = vae.encode(to_model(pool.pictures)).latent_dist.mode() * vae.config.scaling_factor
    assert latents.std().item() == pytest.approx(1.0, abs=1e-4)
