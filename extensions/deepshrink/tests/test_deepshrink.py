"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from webui.contracts.errors import BadRequest
from webui.hooks.loading import load_arguments, load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
DeepShrink = load_arguments(MANIFEST)


@pytest.fixture
def worker():
    return load_module(MANIFEST, "worker")


def unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        block_out_channels=(8, 16, 16), layers_per_block=1, cross_attention_dim=8, norm_num_groups=4, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D",) * 2 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 2,
    ).eval()  # fmt: skip


@torch.no_grad()
@pytest.mark.parametrize("factor", [1.5, 2.0, 3.0])
def test_the_middle_sees_less_and_the_network_is_as_it_was_afterwards(worker, factor: float) -> None:
    network, x, tokens = unet(), torch.randn(1, 4, 32, 48), torch.randn(1, 3, 8)
    sizes = []
    network.mid_block.register_forward_hook(lambda _, given, output: sizes.append(tuple(output.shape[-2:])))
    before = network(x, 10, tokens).sample
    with worker.smaller(network, factor):
        patched = network(x, 10, tokens).sample
    after = network(x, 10, tokens).sample
    assert patched.shape == before.shape
    assert not torch.allclose(patched, before)
    assert torch.equal(after, before)
    usual, small, again = sizes
    assert usual == again == (8, 12)
    assert small == (round(8 / factor), round(12 / factor))


def test_what_it_cannot_do_is_refused(worker) -> None:
    with pytest.raises(BadRequest, match="needs a UNet"), worker.smaller(torch.nn.Linear(1, 1), 2.0):
        pass
    order = SimpleNamespace(request=SimpleNamespace(controls=("one",), steps=4))
    with pytest.raises(BadRequest, match="beside ControlNets"):
        worker.wrap_program(None, order, DeepShrink())
    assert worker.wrap_program(None, order, DeepShrink(factor=1)) is None
