"""Sharpening a decoder."""

from dataclasses import replace
from pathlib import Path

import torch

from tests.training.parts import SIZE, TINY_LOOP, tiny_parts
from webui.training.decoder import DecoderSettings, sharpen_decoder
from webui.training.first_stage import reconstruction_psnr
from webui.training.scenes import scene_pool


def test_a_sharpened_decoder_reconstructs_better_from_the_very_same_latents(tmp_path: Path) -> None:
    parts, pool = tiny_parts(), scene_pool(tmp_path / "scenes", 8, SIZE)
    before = parts.encode(pool.pictures[:8])
    blurred = reconstruction_psnr(parts.vae, pool.pictures)
    loop = replace(TINY_LOOP, budget_seconds=3, peak_learning_rate=5e-3)
    sharpen_decoder(DecoderSettings(loop=loop), parts, pool, tmp_path / "decoder")
    assert torch.equal(parts.encode(pool.pictures[:8]), before)
    assert reconstruction_psnr(parts.vae, pool.pictures) > blurred + 1
    assert not any(p.requires_grad for p in parts.vae.parameters())
