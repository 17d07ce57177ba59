from __future__ import annotations

import pytest
import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from tests.engine.ldm_layout.original_unet import Unet, UnetSizes, randomise
from tests.weights.ldm_released import PUBLISHED, shapes_of
from webui.engine.ldm_layout.unet import read_unet
from webui.weights.ldm_heads import Heads
from webui.weights.ldm_unet import UNET
from webui.weights.ldm_zoo import released

KINDS = {
    "text2img256": (UnetSizes(context=24), Heads(width=32)),
    "cin256-v2, one head": (UnetSizes(context=24, heads=1), Heads(count=1)),
    "txt2img-1p4B, attention everywhere": (
        UnetSizes(4, 4, context=24, heads=8, attention=(1, 2)), Heads(count=8),
    ),
    "layout2img, three deep": (UnetSizes(context=24, depth=3), Heads(width=32)),
    "celeba256": (UnetSizes(), Heads(width=32)),
    "lsun_churches256": (
        UnetSizes(4, 4, mult=(1, 2, 2), heads=8, attention=(1, 2, 4), scale_shift=True, resblock_updown=True),
        Heads(count=8),
    ),
    "semantic, attention in the middle only": (
        UnetSizes(6, heads=8, attention=(8,)), Heads(count=8),
    ),
    "inpainting_big": (UnetSizes(7, heads=8, resblock_updown=True), Heads(count=8)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_network_computes_what_the_original_does(kind: str) -> None:
    sizes, heads = KINDS[kind]
    original = Unet(sizes).eval()
    randomise(original, 1)
    network = read_unet(original.state_dict(), heads)
    assert isinstance(network, UNet2DModel if sizes.context is None else UNet2DConditionModel)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, sizes.in_channels, 8, 8, generator=generator)
    t = torch.tensor([3.0, 700.0])
    tokens = (
        None if sizes.context is None else torch.randn(2, 5, sizes.context, generator=generator)
    )
    given = {} if tokens is None else {"encoder_hidden_states": tokens}
    mine = network(x, t, return_dict=False, **given)[0]
    torch.testing.assert_close(mine, original(x, t, tokens), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_weight_of_a_released_network_has_its_place(name: str) -> None:
    system = released(name)
    assert system is not None
    shapes = shapes_of(name).items()
    own = {
        n.removeprefix(UNET): torch.empty(s, device="meta") for n, s in shapes if n.startswith(UNET)
    }
    network = read_unet(own, system.heads)
    assert sum(w.numel() for w in network.parameters()) == sum(w.numel() for w in own.values())
