"""The upscaler's decoder, trained on with what its denoiser draws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel, VQModel

from tests.training.parts import TINY_LOOP
from tests.training.test_upscale import TINY, tiny_vq
from tests.training.test_vq_first_stage import CROPS
from webui.training.command import TrainingRefused
from webui.training.export import save_part
from webui.training.first_stage import to_model
from webui.training.runs import Pixels
from webui.training.scenes import ScenePool, scene_pool
from webui.training.upscale import build_upscaler, encode
from webui.training.upscale_decoder import (
    RECIPES,
    UpscaleDecoderSettings,
    lesson,
    main,
    train_decoder,
)

LESSONS = UpscaleDecoderSettings(
    pairs=replace(TINY, views=1, loop=replace(TINY_LOOP, batch=4)), loop=replace(TINY_LOOP, batch=4)
)


@pytest.fixture
def pool(tmp_path: Path) -> ScenePool:
    return scene_pool(tmp_path / "scenes", CROPS.pictures, CROPS.picture_size, workers=1)


def denoiser() -> UNet2DModel:
    torch.manual_seed(1)
    return build_upscaler(TINY, 3).eval().requires_grad_(False)


def crops(seed: int, side: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (4, side, side, 3)).astype(np.uint8)


def test_a_share_of_the_latents_is_true_and_the_others_are_drawn() -> None:
    vq, unet = tiny_vq(), denoiser()
    sharp, small = crops(0, 32), crops(1, 8)
    latents = lesson(LESSONS, vq, unet, sharp, small, np.random.default_rng(3))
    true = encode(vq, sharp)
    assert latents.shape == true.shape == (4, 3, 8, 8)
    assert torch.allclose(latents[:1], true[:1], atol=1e-5)
    assert not torch.allclose(latents[1:], true[1:], atol=0.1)
    again = lesson(LESSONS, vq, unet, sharp, small, np.random.default_rng(3))
    assert torch.equal(latents, again)
    drawn = replace(LESSONS, true_share=0.0)
    assert lesson(drawn, vq, unet, sharp, small, np.random.default_rng(3)).shape == true.shape


def test_only_the_decoder_learns_and_it_comes_nearer(tmp_path: Path, pool: ScenePool) -> None:
    vq, unet = tiny_vq(), denoiser()
    before = {name: value.clone() for name, value in vq.state_dict().items()}
    drawn = {name: value.clone() for name, value in unet.state_dict().items()}
    sharp, small = crops(0, 32), crops(1, 8)
    sharp[:] = sharp.mean((1, 2, 3), keepdims=True).astype(np.uint8)

    @torch.no_grad()
    def error() -> float:
        latents = lesson(LESSONS, vq, unet, sharp, small, np.random.default_rng(3))
        made = vq.decode(latents / float(vq.config.scaling_factor)).sample
        return float((made - to_model(sharp, made.device)).square().mean())

    first = error()
    longer = replace(LESSONS, loop=replace(LESSONS.loop, budget_seconds=3))
    train_decoder(longer, vq, unet, pool, pool.pictures[:2, :32, :32], tmp_path / "run")
    after = vq.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(("decoder.", "post_quant_conv.")) for name in changed)
    assert all(torch.equal(drawn[name], value) for name, value in unet.state_dict().items())
    assert error() < 0.8 * first
    assert all(
        weight.requires_grad for weight in vq.decoder.parameters()
    )  # a card counts what was trained


def test_the_program_needs_an_upscaler_and_tells_its_card(
    tmp_path: Path, pool: ScenePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "cpu", LESSONS)
    out, work = tmp_path / "models" / "upscale", tmp_path / "work"  # the pool lies beside it
    flags = ["--recipe", "cpu", "--work", str(work), "--out", str(out)]
    with pytest.raises(TrainingRefused, match="train vq-first-stage"):
        main(flags)
    save_part(tiny_vq(), out / "vqvae")
    with pytest.raises(TrainingRefused, match="UNet2DModel"):
        main(flags)
    save_part(denoiser(), out / "unet")
    earlier = (
        "| `python launch.py train upscale --recipe gpu` | a GPU | 2.5 M | 9 s | 9 | 64 | 1.0 GB |"
    )
    (out / "README.md").write_text(f"{earlier}\n")
    assert main(flags) == 0
    card = (out / "README.md").read_text()
    assert earlier in card
    assert "`python launch.py train upscale-decoder --recipe cpu`" in card
    assert VQModel.from_pretrained(out / "vqvae").config.scaling_factor == 2.0
