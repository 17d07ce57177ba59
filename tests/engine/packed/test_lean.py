"""Modules in fewer operations say what diffusers' own say."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DModel
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D

from webui.engine.packed.late import converted_late
from webui.engine.packed.lean import MOST_BYTES, LeanResnetBlock2D, PhasedUpsample2D
from webui.engine.packed.on_processor import ReorderedConv2d, quicken
from webui.engine.shared_networks import network_bytes


def upsampling(out_channels: int = 12, bias: bool = True) -> Upsample2D:
    torch.manual_seed(0)
    made = Upsample2D(8, use_conv=True, out_channels=out_channels, bias=bias)
    return made.eval().requires_grad_(False)


def quick(module: Any) -> Any:
    made = deepcopy(module)
    quicken(made)
    return made


X = torch.randn(2, 8, 5, 7, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_runs_before_the_picture_is_enlarged(bias: bool) -> None:
    plain = upsampling(bias=bias)
    lean = quick(plain)
    assert type(lean) is PhasedUpsample2D
    wanted = plain(X)
    torch.testing.assert_close(lean(X), wanted, rtol=1e-5, atol=1e-6)
    assert lean(X, (10, 14)).is_contiguous(memory_format=torch.channels_last)
    assert lean._source is not None
    assert lean._summed is not None
    assert lean._summed.shape == (48, 8, 2, 2)  # four products for each number instead of nine
    one = X[:, :, :1, :1]
    torch.testing.assert_close(lean(one), plain(one), rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_what_it_does_not_cover_goes_the_usual_way() -> None:
    plain = upsampling()
    lean = quick(plain)
    torch.testing.assert_close(lean(X, (9, 13)), plain(X, (9, 13)), rtol=1e-5, atol=1e-6)
    for each in (plain, lean):
        each.conv.padding_mode = "circular"
    torch.testing.assert_close(lean(X), plain(X), rtol=1e-5, atol=1e-6)
    assert lean._source is None
    half = lean.to(torch.bfloat16)
    assert half(X.to(torch.bfloat16)).dtype == torch.bfloat16
    assert half._source is None


@torch.inference_mode()
def test_another_weight_is_used_and_the_file_s_again_afterwards() -> None:
    lean = quick(upsampling())
    before = lean(X)
    other = upsampling()
    other.conv.weight.mul_(-2)
    lean.conv.put(other.conv.weight.clone())
    torch.testing.assert_close(lean(X), other(X), rtol=1e-5, atol=1e-6)
    lean.conv.restore()
    assert torch.equal(lean(X), before)
    assert torch.equal(deepcopy(lean)(X), before)


@torch.inference_mode()
def test_a_layer_that_is_opened_late_is_opened_for_it() -> None:
    plain = upsampling().half()
    late = quick(converted_late(deepcopy(plain), torch.float32))
    torch.testing.assert_close(late(X), plain.float()(X), rtol=1e-5, atol=1e-6)
    assert type(late.conv) is ReorderedConv2d
    assert late._source is not None


@torch.inference_mode()
def test_the_sums_are_counted_as_memory_and_wide_layers_have_none() -> None:
    plain = upsampling()
    lean = quick(plain)
    assert network_bytes(lean) == network_bytes(plain)
    lean(X)
    assert network_bytes(lean) == network_bytes(plain) + 4 * 12 * 8 * 4 * 4
    wide = Upsample2D(1024, use_conv=True)
    assert MOST_BYTES < 4 * 4 * 4 * 1024 * 1024
    quicken(wide)
    assert type(wide) is Upsample2D


@torch.inference_mode()
def test_a_residual_block_is_the_usual_one_to_the_bit_and_leaves_its_input_alone() -> None:
    torch.manual_seed(0)
    time = torch.randn(2, 16)
    for out_channels in (8, 12):
        plain = ResnetBlock2D(in_channels=8, out_channels=out_channels, temb_channels=16, groups=4)
        plain.eval().requires_grad_(False)
        lean = deepcopy(plain)
        lean.__class__ = LeanResnetBlock2D  # its convolutions stay: they would differ by rounding
        given = X.clone()
        assert torch.equal(lean(given, time), plain(X, time))
        assert torch.equal(given, X)
    timeless = ResnetBlock2D(
        in_channels=8, temb_channels=None, groups=4, time_embedding_norm="group"
    )
    lean = deepcopy(timeless.eval())
    lean.__class__ = LeanResnetBlock2D
    assert torch.equal(lean(X, None), timeless(X, None))


def test_blocks_of_other_kinds_stay() -> None:
    kinds: list[dict[str, Any]] = [
        {"time_embedding_norm": "scale_shift"}, {"output_scale_factor": 1.4},
        {"skip_time_act": True}, {"up": True}, {"non_linearity": "gelu"},
    ]  # fmt: skip
    for kind in kinds:
        block = ResnetBlock2D(in_channels=8, temb_channels=16, groups=4, **kind)
        quicken(block)
        assert type(block) is ResnetBlock2D
    usual = ResnetBlock2D(in_channels=8, temb_channels=16, groups=4)
    quicken(usual)
    assert type(usual) is LeanResnetBlock2D


@torch.inference_mode()
def test_whole_networks_say_the_same() -> None:
    torch.manual_seed(0)
    sides: dict[str, Any] = {"block_out_channels": (16, 32), "norm_num_groups": 8}
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, **sides
    ).eval()  # fmt: skip
    z = torch.randn(1, 4, 6, 10)
    wanted, made = (network.decode(z, return_dict=False)[0] for network in (vae, quick(vae)))
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)
    unet = UNet2DModel(
        sample_size=8, layers_per_block=1, down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2, **sides,
    ).eval()  # fmt: skip
    lean = quick(unet)
    kinds = [type(module) for module in lean.modules()]
    assert kinds.count(LeanResnetBlock2D) > 4
    assert kinds.count(PhasedUpsample2D) == 1
    x = torch.randn(2, 3, 8, 12)
    torch.testing.assert_close(lean(x, 5).sample, unet(x, 5).sample, rtol=1e-4, atol=1e-5)


def test_training_keeps_its_gradients() -> None:
    block = ResnetBlock2D(in_channels=8, temb_channels=None, groups=4)
    plain = deepcopy(block)
    block.__class__ = LeanResnetBlock2D
    grads = []
    for each in (block, plain):
        each(X, None).square().mean().backward()
        grads.append(each.get_parameter("conv1.weight").grad)
    assert grads[0] is not None
    assert torch.equal(*grads)
