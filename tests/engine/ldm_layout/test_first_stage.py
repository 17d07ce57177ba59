from __future__ import annotations

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vq_model import VQModel

from tests.engine.ldm_layout.original_first_stage import FirstStage, StageSizes
from tests.engine.ldm_layout.original_unet import randomise
from tests.weights.ldm_released import PUBLISHED, shapes_of
from webui.engine.first_stage import decode_latents, encode_pixels
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.weights.ldm_first_stage import PREFIX

KINDS = {
    "kl-f4": StageSizes(mult=(1, 2, 4)),
    "kl-f8": StageSizes(z=4, mult=(1, 2, 4, 4)),
    "kl-f16, attention at the coarsest level": StageSizes(
        z=16, mult=(1, 1, 2, 2, 4), attention=(4,)
    ),
    "kl-f32, attention at two levels": StageSizes(z=64, mult=(1, 1, 2, 2, 4, 4), attention=(4, 5)),
    "vq-f4": StageSizes(mult=(1, 2, 4), codes=50),
    "vq-f4-noattn": StageSizes(mult=(1, 2, 4), codes=50, middle_attends=False),
    "vq-f8, attention at the coarsest level": StageSizes(
        z=4, mult=(1, 2, 2, 4), attention=(3,), codes=50
    ),
    "vq-f16": StageSizes(z=8, mult=(1, 1, 2, 2, 4), attention=(4,), codes=50),
}


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_first_stage_computes_what_the_original_does(kind: str) -> None:
    sizes = KINDS[kind]
    original = FirstStage(sizes).eval()
    randomise(original, 1)
    stage = read_first_stage({**original.state_dict(), "loss.logvar": torch.zeros(())})
    assert isinstance(stage, AutoencoderKL if sizes.codes is None else VQModel)
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randn(1, 3, 64, 32, generator=generator).clamp(-1, 1)
    latents = original.encode(pixels)
    torch.testing.assert_close(encode_pixels(stage, pixels), latents, atol=1e-4, rtol=1e-4)
    z = torch.randn(latents.shape, generator=generator)
    pictures = decode_latents(stage, z)
    torch.testing.assert_close(pictures, original.decode(z), atol=1e-4, rtol=1e-4)


def test_a_first_stage_that_lacks_a_weight_is_named() -> None:
    weights = FirstStage(StageSizes()).state_dict()
    del weights["decoder.mid.block_1.conv1.weight"]
    with pytest.raises(ValueError, match="first stage has other weights"):
        read_first_stage(weights)
    del weights["decoder.conv_in.weight"]
    with pytest.raises(ValueError, match=r"no weight 'decoder\.conv_in"):
        read_first_stage(weights)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_weight_of_a_released_first_stage_has_its_place(name: str) -> None:
    shapes = shapes_of(name).items()
    own = {
        n.removeprefix(PREFIX): torch.empty(s, device="meta")
        for n, s in shapes
        if n.startswith(PREFIX)
    }
    stage = read_first_stage(own)
    assert sum(w.numel() for w in stage.parameters()) == sum(w.numel() for w in own.values())
