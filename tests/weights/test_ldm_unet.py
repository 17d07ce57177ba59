"""The sizes of a network are read from its tensors' names and shapes."""

from __future__ import annotations

import pytest

from tests.weights.ldm_layout import Unet, unet_shapes
from webui.contracts.errors import BrokenModel
from webui.weights.ldm_unet import UnetShape, unet_shape


def _read(unet: Unet) -> UnetShape:
    shape = unet_shape(unet_shapes(unet))
    assert shape is not None
    return shape


def test_stable_diffusion_1_is_read() -> None:
    shape = _read(Unet())
    assert (shape.in_channels, shape.out_channels, shape.context) == (4, 4, 768)
    assert (shape.channels, shape.layers) == ((320, 640, 1280, 1280), 2)
    assert shape.down_depths == ((1, 1), (1, 1), (1, 1), (0, 0))
    assert shape.up_depths == ((1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0))
    assert shape.middle_depth == 1
    assert (shape.linear_projection, shape.plain_attention) == (False, False)
    assert not any(shape.crossed)
    assert (shape.label_numbers, shape.label_classes) == (None, None)


def test_the_upscaler_of_stable_diffusion_2_is_read() -> None:
    unet = Unet(
        256, (1, 2, 2, 4), 2, (1, 2, 3), 1024, 7, use_linear=True, num_classes=1000,
        without_self_attention=(0, 1, 2),
    )  # fmt: skip
    shape = _read(unet)
    assert (shape.in_channels, shape.label_classes, shape.linear_projection) == (7, 1000, True)
    assert shape.crossed == (False, True, True, False)
    assert shape.down_depths == ((0, 0), (1, 1), (1, 1), (1, 1))


def test_other_shapes_are_read() -> None:
    deep = _read(Unet(32, (1, 2, 4), 2, (1, 2), 64, transformer_depth=3, adm=48))
    assert deep.down_depths == ((0, 0), (3, 3), (3, 3))
    assert deep.label_numbers == 48
    plain = _read(Unet(32, (1, 2), 1, (1,), None, 3, 3))
    assert (plain.context, plain.plain_attention, plain.middle_depth) == (None, True, 1)
    assert _read(Unet(32, (1,), 3, (), 8)).layers == 3


def test_resampling_by_residual_blocks_is_seen() -> None:
    shapes = unet_shapes(Unet(32, (1, 2), 1, (), 8), "")
    for name in [n for n in shapes if "op." in n or ".conv." in n]:
        del shapes[name]
    shapes |= {f"input_blocks.2.0.{n}": (32,) for n in ("in_layers.0.weight",)}
    shapes |= {f"output_blocks.1.1.{n}": (64,) for n in ("in_layers.0.weight",)}
    shape = unet_shape(shapes, "")
    assert shape is not None
    assert (shape.channels, shape.layers, shape.residual_resampling) == ((32, 64), 1, True)


def test_what_is_no_such_network_is_none_and_what_lacks_a_block_is_broken() -> None:
    shapes = unet_shapes(Unet())
    assert unet_shape(shapes, "other.") is None
    del shapes["model.diffusion_model.input_blocks.4.0.out_layers.3.weight"]
    with pytest.raises(BrokenModel, match=r"input_blocks\.4"):
        unet_shape(shapes)
