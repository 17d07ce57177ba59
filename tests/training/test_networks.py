"""Networks and the frozen parts beside them."""

from pathlib import Path

import numpy as np
import torch

from tests.training.kinds import tiny_unet
from tests.training.parts import CPU, SIZE, TINY_UNET, saved_parts, tiny_parts
from webui.training.networks import FrozenParts, build_unet, translate_input, widen_input
from webui.training.scenes import scene_pool


def test_a_widened_unet_says_at_first_what_it_said_before() -> None:
    unet = build_unet(TINY_UNET, latent_channels=8, latent_size=4, text_width=32).eval()
    x, tokens = torch.randn(2, 8, 4, 4), torch.randn(2, 77, 32)
    with torch.no_grad():
        before = unet(x, 500, tokens).sample
        widen_input(unet, 9)
        after = unet(torch.cat([x, torch.randn(2, 9, 4, 4)], 1), 500, tokens).sample
    assert unet.config.in_channels == 17
    assert torch.allclose(before, after, atol=1e-6)


def test_parts_come_back_from_a_diffusers_folder(tmp_path: Path) -> None:
    parts, loaded = saved_parts(tmp_path), FrozenParts.load(tmp_path, CPU)
    texts = ["a red house on the left", ""]
    assert torch.allclose(parts.tokens(texts), loaded.tokens(texts), atol=1e-6)
    assert not any(p.requires_grad for p in loaded.vae.parameters())
    assert not any(p.requires_grad for p in loaded.encoder.parameters())


def test_kept_latents_are_those_that_would_be_encoded(tmp_path: Path) -> None:
    parts, pool = tiny_parts(), scene_pool(tmp_path / "scenes", 6, SIZE)
    examples = pool.take(np.array([4, 1]), np.random.default_rng(0))
    fresh = parts.latents(examples)
    parts.keep_latents(pool, tmp_path / "latents.pt")
    assert parts.kept is not None
    assert parts.kept.shape == (6, 8, 4, 4)
    assert torch.allclose(parts.latents(examples), fresh, atol=2e-2)
    again = FrozenParts(parts.vae, parts.tokenizer, parts.encoder)
    again.keep_latents(pool, tmp_path / "latents.pt")
    assert again.kept is not None
    assert torch.equal(again.kept, parts.kept)


def test_an_input_that_is_translated_reads_new_planes_as_it_read_those_they_explain() -> None:
    torch.manual_seed(0)
    unet = widen_input(tiny_unet(), 3)
    torch.nn.init.normal_(unet.conv_in.weight)
    after = torch.rand(2, 1, 6, 6)
    before = torch.cat([after * 2 - 1, 0.5 - after, torch.full_like(after, 0.25)], 1)
    latent = torch.randn(2, 8, 6, 6)
    said = unet.conv_in(torch.cat([latent, before], 1))
    translate_input(unet, before, after)
    assert unet.config.in_channels == 9
    heard = unet.conv_in(torch.cat([latent, after], 1))
    inside = (..., slice(1, -1), slice(1, -1))  # at the border the padding stands for other values
    assert torch.allclose(heard[inside], said[inside], atol=1e-4)
