from __future__ import annotations

import pytest

from webui.contracts.errors import BrokenModel, NotAModel
from webui.weights.control_files import control_names, control_shape

Shapes = dict[str, tuple[int, ...]]


def original(channels: tuple[int, ...] = (320, 640, 1280, 1280), width: int = 768) -> Shapes:
    """Of SD 1.5's controlnets, as far as sizes are read from them."""
    shapes: Shapes = {
        "input_blocks.0.0.weight": (channels[0], 4, 3, 3),
        "zero_convs.0.0.weight": (1,),
    }
    for level, wide in enumerate(channels):
        for layer in range(2):
            block = f"input_blocks.{1 + 3 * level + layer}"
            shapes[f"{block}.0.out_layers.3.weight"] = (wide, wide, 3, 3)
            if level < len(channels) - 1:
                shapes[f"{block}.1.proj_in.weight"] = (wide, wide, 1, 1)
                shapes[f"{block}.1.transformer_blocks.0.norm1.weight"] = (wide,)
                shapes[f"{block}.1.transformer_blocks.0.attn2.to_k.weight"] = (wide, width)
    shapes["middle_block.1.transformer_blocks.0.norm1.weight"] = (channels[-1],)
    for layer, wide in zip(range(0, 16, 2), (16, 16, 32, 32, 96, 96, 256, 320), strict=True):
        shapes[f"input_hint_block.{layer}.weight"] = (wide, 3, 3, 3)
    return shapes


def test_the_sizes_of_a_controlnet_for_sd_1_are_read() -> None:
    for prefix in ("control_model.", ""):
        shape = control_shape({prefix + name: s for name, s in original().items()})
        assert (shape.channels, shape.layers) == ((320, 640, 1280, 1280), 2)
        assert (shape.depths, shape.middle_depth) == ((1, 1, 1, 0), 1)
        assert (shape.latent_channels, shape.text_width, shape.label_numbers) == (4, 768, None)
        assert (shape.hint_channels, shape.heads) == ((16, 32, 96, 256), (8, 8, 8, 8))


def test_a_controlnet_for_sdxl_has_deeper_transformers_and_a_label() -> None:
    shapes = original((320, 640, 1280), 2048)
    shapes = {n: s[:2] if "proj_in" in n else s for n, s in shapes.items()}
    shapes["label_emb.0.0.weight"] = (1280, 2816)
    shapes["middle_block.1.transformer_blocks.1.norm1.weight"] = (1280,)
    shape = control_shape(shapes)
    assert (shape.middle_depth, shape.label_numbers, shape.heads) == (2, 2816, (5, 10, 20))


def test_what_is_no_controlnet_is_named() -> None:
    with pytest.raises(NotAModel, match="neither"):
        control_shape({"model.diffusion_model.input_blocks.0.0.weight": (1,)})


def test_an_incomplete_file_is_broken() -> None:
    shapes = original()
    del shapes["input_blocks.0.0.weight"]
    with pytest.raises(BrokenModel, match=r"conv_in.weight' is missing"):
        control_shape(shapes)


def test_other_files_have_no_names_of_a_controlnet() -> None:
    assert control_names({"model.diffusion_model.input_blocks.0.0.weight": 1}) == {}
