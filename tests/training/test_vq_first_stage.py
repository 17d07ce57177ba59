"""The upscaler's first stage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import VQModel

from tests.training.parts import TINY_LOOP, saved_parts
from tests.training.test_first_stage import TINY as FIRST
from webui.training.codebook import place_codes
from webui.training.command import TrainingRefused
from webui.training.crops import CropSettings, draw_crops
from webui.training.first_stage import build_first_stage, to_model
from webui.training.runs import load_checkpoint
from webui.training.scenes import ScenePool, scene_pool
from webui.training.vq_first_stage import (
    RECIPES,
    VqSettings,
    build_vq,
    main,
    normalise_latents,
    perplexity,
    psnr,
    reconstruction_psnr,
    start_from,
    train_vq,
    vq_loss,
)

CROPS = CropSettings(picture_size=64, pictures=8, per_draw=2)
TINY = VqSettings(
    channels=(8, 8, 8), codes=16, crops=CROPS, sides=(32,), revive_steps=2, loop=TINY_LOOP
)


@pytest.fixture
def pool(tmp_path: Path) -> ScenePool:
    return scene_pool(tmp_path / "scenes", CROPS.pictures, CROPS.picture_size, workers=1)


def test_every_recipe_has_a_quarter_of_the_side_and_no_attention() -> None:
    for settings in RECIPES.values():
        vq = build_vq(replace(settings, channels=tuple(8 for _ in settings.channels)))
        assert vq.encode(torch.zeros(1, 3, 64, 48)).latents.shape == (1, 3, 16, 12)
        assert not any(name.endswith("to_q") for name, _ in vq.named_modules())


def test_the_finest_levels_are_another_autoencoders_counted_from_the_picture() -> None:
    vae = build_first_stage(replace(FIRST, channels=(8, 16, 24, 32)))
    vq = build_vq(replace(TINY, channels=(8, 16, 24)))
    taken = start_from(vq, vae)
    assert 0.3 < taken / sum(p.numel() for p in vq.parameters()) < 0.9
    for own, theirs in (
        (vq.encoder.conv_in, vae.encoder.conv_in),
        (vq.encoder.down_blocks[2].resnets[0].conv1, vae.encoder.down_blocks[2].resnets[0].conv1),
        (vq.decoder.up_blocks[1].resnets[0].conv1, vae.decoder.up_blocks[2].resnets[0].conv1),
        (vq.decoder.conv_out, vae.decoder.conv_out),
    ):
        assert torch.equal(own.weight, theirs.weight)
    assert start_from(build_vq(replace(TINY, channels=(40, 48, 56))), vae) < 100


def test_perplexity_counts_codes_in_even_use() -> None:
    vq = build_vq(TINY).eval()
    with torch.no_grad():
        vq.quantize.embedding.weight.fill_(50.0)
    assert perplexity(vq, np.zeros((2, 32, 32, 3), np.uint8)) == pytest.approx(1.0)


def test_psnr_is_what_its_definition_says() -> None:
    dark = np.zeros((1, 4, 4, 3), np.uint8)
    assert psnr(dark, dark + 255) == pytest.approx(0.0)
    assert psnr(dark, dark + 1) == pytest.approx(20 * np.log10(255))


def test_its_loss_teaches_to_reconstruct(pool: ScenePool) -> None:
    torch.manual_seed(0)
    crops = draw_crops(pool, CROPS, 32, 4, np.random.default_rng(0))
    vq = place_codes(build_vq(TINY), to_model(crops))
    optimizer = torch.optim.AdamW(vq.parameters(), lr=1e-2)
    before = reconstruction_psnr(vq, crops)
    for _ in range(25):
        optimizer.zero_grad()
        torch.autograd.backward(vq_loss(vq.train(), to_model(crops), TINY))
        optimizer.step()
    assert reconstruction_psnr(vq, crops) > before + 2


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path, pool: ScenePool) -> None:
    folder, unseen, other = tmp_path / "vq", pool.pictures[:2], build_first_stage(FIRST)
    train_vq(TINY, pool, unseen, folder, other)
    first = load_checkpoint(folder / "checkpoint.pt")
    assert first is not None
    longer = replace(TINY, loop=replace(TINY_LOOP, budget_seconds=first["seconds"] + 1))
    vq = train_vq(longer, pool, unseen, folder, other)
    second = load_checkpoint(folder / "checkpoint.pt")
    assert second is not None
    assert second["step"] > first["step"] > 0
    assert (folder / "samples.png").exists()
    assert np.isfinite(vq.config.scaling_factor)


def test_a_finished_one_is_trained_on_with_its_own_weights(tmp_path: Path, pool: ScenePool) -> None:
    torch.manual_seed(1)
    finished = build_vq(TINY)
    before = finished.encoder.mid_block.resnets[0].conv1.weight.detach().clone()
    vq = train_vq(TINY, pool, pool.pictures[:2], tmp_path / "vq", finished)
    change = (vq.encoder.mid_block.resnets[0].conv1.weight - before).abs().mean()
    assert 0 < change < 0.5 * before.abs().mean()


def test_latents_are_scaled_to_unit_variance(pool: ScenePool) -> None:
    vq = normalise_latents(build_vq(TINY), pool, TINY, count=8)
    crops = draw_crops(pool, CROPS, 128, 8, np.random.default_rng(0))
    with torch.no_grad():
        latents = vq.encode(to_model(crops)).latents * vq.config.scaling_factor
    assert latents.std().item() == pytest.approx(1.0, abs=1e-3)


def test_the_program_writes_the_upscalers_part(
    tmp_path: Path, pool: ScenePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "cpu", TINY)
    out = tmp_path / "upscale" / "vqvae"
    work = tmp_path / "vq"  # its pool lies beside it
    flags = ["--recipe", "cpu", "--work", str(work), "--out", str(out)]
    with pytest.raises(TrainingRefused, match="train starter"):
        main([*flags, "--from", str(tmp_path)])
    saved_parts(tmp_path / "text")
    assert main([*flags, "--from", str(tmp_path / "text")]) == 0
    vq = VQModel.from_pretrained(out)
    assert vq.config.scaling_factor != 1.0
    assert vq.encode(torch.zeros(1, 3, 32, 32)).latents.shape == (1, 3, 8, 8)
