"""A denoising network alone is known by its names, with and without their prefix."""

from __future__ import annotations

import pytest

from tests.weights.ldm_layout import Unet, first_stage_shapes, unet_shapes
from webui.weights.bare import bare_denoiser
from webui.weights.header import TensorInfo, WeightsHeader

PREFIX = "model.diffusion_model."


def header(shapes: dict[str, tuple[int, ...]]) -> WeightsHeader:
    return WeightsHeader("gguf", {n: TensorInfo("F16", s, 0) for n, s in shapes.items()}, {}, 0)


@pytest.mark.parametrize("prefix", ["", PREFIX])
def test_published_networks_are_known(prefix: str) -> None:
    flux = {
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072), "img_in.weight": (3072, 64),
        "final_layer.linear.weight": (64, 3072),
    }  # fmt: skip
    found = bare_denoiser(header({prefix + name: shape for name, shape in flux.items()}))
    assert found is not None
    assert (found.family, found.prefix, found.in_channels) == ("flux", prefix, 64)
    xl = Unet(320, (1, 2, 4), 2, (1, 2), 2048, 9, transformer_depth=(0, 2, 10), adm=2816)
    found = bare_denoiser(header(unet_shapes(xl, prefix)))
    assert found is not None
    assert (found.family, found.in_channels, found.reads) == ("sdxl", 9, 2048)
    found = bare_denoiser(header(unet_shapes(Unet(), prefix)))
    assert found is not None
    assert (found.family, found.out_channels, found.reads) == ("sd1", 4, 768)


def test_a_whole_checkpoint_is_no_network_alone() -> None:
    assert bare_denoiser(header({**unet_shapes(Unet()), **first_stage_shapes()})) is None
    assert bare_denoiser(header({"a.weight": (2, 2)})) is None
