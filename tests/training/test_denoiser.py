"""The second stage."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel

from tests.training.test_first_stage import TINY
from webui.training.denoiser import (
    BETA_END,
    BETA_START,
    RECIPES,
    DenoiserSettings,
    Teacher,
    build_denoiser,
    cumulative_alphas,
    encode_pool,
    sample_latents,
    train_denoiser,
)
from webui.training.first_stage import build_first_stage
from webui.training.runs import load_checkpoint
from webui.training.scenes import ScenePool, scene_pool
from webui.training.text import RECIPES as TEXT_RECIPES
from webui.training.text import build_text_encoder, build_tokenizer

SETTINGS = DenoiserSettings(
    channels=(16, 32), attention=(False, True), heads=2, batch=4, budget_seconds=1.5
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    tokenizer = build_tokenizer(captions=200)
    encoder = build_text_encoder(
        replace(TEXT_RECIPES["cpu"], hidden=32, layers=1, heads=2), tokenizer
    )
    vae: AutoencoderKL = build_first_stage(TINY)
    return Teacher(vae.eval(), tokenizer, encoder)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> ScenePool:
    return scene_pool(tmp_path_factory.mktemp("scenes"), 16, 32)


def test_the_noise_schedule_is_stable_diffusions() -> None:
    scheduler = DDIMScheduler(
        beta_start=BETA_START, beta_end=BETA_END, beta_schedule="scaled_linear"
    )
    assert torch.allclose(cumulative_alphas().float(), scheduler.alphas_cumprod, atol=1e-6)


def test_recipes_build_a_unet_of_their_levels() -> None:
    for settings in RECIPES.values():
        small = replace(settings, channels=tuple(16 for _ in settings.channels))
        unet = build_denoiser(small, latent_channels=8, latent_size=16, text_width=32)
        made = unet(torch.zeros(1, 8, 16, 16), 5, torch.zeros(1, 77, 32)).sample
        assert made.shape == (1, 8, 16, 16)


def test_a_run_goes_on_from_its_checkpoint_on_the_same_latents(
    teacher: Teacher, pool: ScenePool, tmp_path: Path
) -> None:
    train_denoiser(SETTINGS, teacher, pool, tmp_path, CPU)
    first = load_checkpoint(tmp_path / "checkpoint.pt")
    assert first is not None
    encoded = (tmp_path / "latents.pt").stat().st_mtime_ns
    train_denoiser(
        replace(SETTINGS, budget_seconds=first["seconds"] + 1), teacher, pool, tmp_path, CPU
    )
    second = load_checkpoint(tmp_path / "checkpoint.pt")
    assert second is not None
    assert second["step"] > first["step"] > 0
    assert (tmp_path / "latents.pt").stat().st_mtime_ns == encoded
    assert (tmp_path / "samples.png").exists()


def test_latents_are_encoded_at_the_first_stages_scale(
    teacher: Teacher, pool: ScenePool, tmp_path: Path
) -> None:
    latents = encode_pool(teacher.vae, pool, tmp_path / "latents.pt", batch=5)
    assert latents.shape == (16, 8, 4, 4)
    assert torch.equal(encode_pool(teacher.vae, pool, tmp_path / "latents.pt"), latents)


def test_ddim_with_a_perfect_denoiser_returns_the_one_picture_it_knows() -> None:
    known = torch.linspace(-1, 1, 8 * 4 * 4).view(1, 8, 4, 4)

    class Perfect(torch.nn.Module):
        config = type("Config", (), {"in_channels": 8, "sample_size": 4})

        def forward(self, x: torch.Tensor, t: float, _rows: torch.Tensor) -> object:
            alpha = cumulative_alphas().float()[round(t)]
            noise = (x - alpha.sqrt() * known) / (1 - alpha).sqrt()
            return type("Output", (), {"sample": alpha.sqrt() * noise - (1 - alpha).sqrt() * known})

    unet: UNet2DConditionModel = Perfect()
    made = sample_latents(
        unet, torch.zeros(2, 7, 3), torch.zeros(1, 7, 3), steps=10, scale=3.0, seed=0
    )
    assert torch.allclose(made, known.expand(2, -1, -1, -1), atol=1e-3)
