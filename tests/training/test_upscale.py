"""The upscaler."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel, VQModel

from tests.training.parts import TINY_LOOP
from tests.training.test_vq_first_stage import CROPS
from tests.training.test_vq_first_stage import TINY as TINY_VQ
from webui.training.command import TrainingRefused
from webui.training.export import save_part
from webui.training.runs import load_checkpoint
from webui.training.scenes import ScenePool, scene_pool
from webui.training.upscale import (
    RECIPES,
    UpscaleSettings,
    Upscaling,
    augmentation_levels,
    build_upscaler,
    decode,
    encode,
    main,
    train_upscale,
    upscaled,
)
from webui.training.vq_first_stage import build_vq

TINY = UpscaleSettings(channels=(16, 16), side=32, crops=CROPS, loop=TINY_LOOP)


def tiny_vq() -> VQModel:
    torch.manual_seed(0)
    vq = build_vq(TINY_VQ).eval().requires_grad_(False)
    vq.register_to_config(scaling_factor=2.0)
    return vq


@pytest.fixture
def pool(tmp_path: Path) -> ScenePool:
    return scene_pool(tmp_path / "scenes", CROPS.pictures, CROPS.picture_size, workers=1)


def test_every_recipe_takes_latents_a_small_picture_and_a_noise_level() -> None:
    for settings in RECIPES.values():
        unet = build_upscaler(replace(settings, channels=tuple(16 for _ in settings.channels)), 3)
        x = torch.randn(2, 6, 16, 24)
        made = unet(x, torch.tensor([5, 5]), torch.tensor([0.0, 0.0])).sample
        assert made.shape == (2, 3, 16, 24)
        other = unet(x, torch.tensor([5, 5]), torch.tensor([0.0, 300.0])).sample
        assert torch.allclose(made[0], other[0], atol=1e-6)
        assert not torch.equal(made[1], other[1])


def test_half_of_the_pictures_get_no_noise_and_the_others_mostly_little() -> None:
    levels = augmentation_levels(2000, 0.5, np.random.default_rng(0))
    assert 900 < (levels == 0).sum() < 1100
    assert (levels[levels > 0] < 0.3).sum() > 400
    assert 0.95 < levels.max() < 1


def test_latents_are_scaled_on_the_way_in_and_back_on_the_way_out() -> None:
    vq = tiny_vq()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    latents = encode(vq, pictures)
    assert latents.shape == (2, 3, 8, 8)
    drawn = decode(vq, latents)
    vq.register_to_config(scaling_factor=4.0)
    assert torch.allclose(encode(vq, pictures), 2 * latents, atol=1e-6)
    assert np.array_equal(decode(vq, 2 * latents), drawn)  # powers of two: to the bit


def test_a_picture_is_decoded_alone_as_among_others_but_for_rounding() -> None:
    vq = tiny_vq()
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    alone, among = (decode(vq, encode(vq, pictures), batch=batch) for batch in (1, 2))
    assert np.abs(alone.astype(int) - among.astype(int)).max() <= 1


def test_pictures_become_four_times_as_large_and_the_same_seed_gives_the_same() -> None:
    vq, unet = tiny_vq(), build_upscaler(TINY, 3).eval()
    small = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 3)).astype(np.uint8)
    first = upscaled(unet, vq, small, Upscaling(steps=2))
    assert first.shape == (2, 24, 32, 3)
    assert np.array_equal(first, upscaled(unet, vq, small, Upscaling(steps=2)))
    assert not np.array_equal(first, upscaled(unet, vq, small, Upscaling(steps=2, seed=9)))
    assert not np.array_equal(first, upscaled(unet, vq, small, Upscaling(2, augmentation=0.5)))


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path, pool: ScenePool) -> None:
    folder, unseen = tmp_path / "upscale", pool.pictures[:2, :32, :32]
    train_upscale(TINY, tiny_vq(), pool, unseen, folder)
    first = load_checkpoint(folder / "checkpoint.pt")
    assert first is not None
    longer = replace(TINY, loop=replace(TINY_LOOP, budget_seconds=first["seconds"] + 1))
    train_upscale(longer, tiny_vq(), pool, unseen, folder)
    second = load_checkpoint(folder / "checkpoint.pt")
    assert second is not None
    assert second["step"] > first["step"] > 0
    assert (folder / "samples.png").exists()


def test_the_program_needs_a_first_stage_and_writes_a_whole_folder(
    tmp_path: Path, pool: ScenePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "cpu", TINY)
    out = tmp_path / "models" / "upscale"
    work = tmp_path / "work"  # the pool lies beside it
    flags = ["--recipe", "cpu", "--work", str(work), "--out", str(out)]
    with pytest.raises(TrainingRefused, match="train vq-first-stage"):
        main(flags)
    save_part(tiny_vq(), out / "vqvae")
    assert main(flags) == 0
    assert UNet2DModel.from_pretrained(out / "unet").config.in_channels == 6
    assert VQModel.from_pretrained(out / "vqvae").config.scaling_factor == 2.0
    assert '"task": "upscale"' in (out / "easel.json").read_text()
    assert '"LDMSuperResolutionPipeline"' in (out / "model_index.json").read_text()
    assert "licence" in (out / "README.md").read_text().lower()
    again = [*flags, "--go-on", "--minutes", "0.03"]
    assert main([*again, "--work", str(tmp_path / "again")]) == 0
