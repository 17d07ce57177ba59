"""LoRAs of SD 3 and FLUX, in the names of the published code, against weights merged by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.families.test_flow_families import (
    NEGATIVE,
    assert_close,
    drawn_with,
    expected,
    noise,
    packed,
    pair,
)
from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.fused import parted

QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
ADDED = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")
FLUX: Mapping[str, tuple[str, ...]] = {
    "double_blocks_0_img_attn_qkv": tuple(f"transformer_blocks.0.{n}" for n in QKV),
    "double_blocks_0_txt_attn_qkv": tuple(f"transformer_blocks.0.{n}" for n in ADDED),
    "double_blocks_0_img_mlp_0": ("transformer_blocks.0.ff.net.0.proj",),
    "double_blocks_0_txt_mod_lin": ("transformer_blocks.0.norm1_context.linear",),
    "single_blocks_0_linear1": tuple(
        f"single_transformer_blocks.0.{n}" for n in (*QKV, "proj_mlp")
    ),
    "single_blocks_0_linear2": ("single_transformer_blocks.0.proj_out",),
    "final_layer_linear": ("proj_out",),
}
SD3: Mapping[str, tuple[str, ...]] = {
    "joint_blocks_0_x_block_attn_qkv": tuple(f"transformer_blocks.0.{n}" for n in QKV),
    "joint_blocks_1_context_block_attn_qkv": tuple(f"transformer_blocks.1.{n}" for n in ADDED),
    "joint_blocks_0_x_block_mlp_fc1": ("transformer_blocks.0.ff.net.0.proj",),
    "joint_blocks_0_context_block_adaLN_modulation_1": (
        "transformer_blocks.0.norm1_context.linear",
    ),
}
SWAPPED: Mapping[str, Mapping[str, str]] = {
    "flux": {"final_layer_adaLN_modulation_1": "norm_out.linear"},
    "sd3": {
        "final_layer_adaLN_modulation_1": "norm_out.linear",
        "joint_blocks_1_context_block_adaLN_modulation_1": "transformer_blocks.1.norm1_context.linear",
    },
}
"""Norms whose halves diffusers has the other way round."""


def merged_by_hand(transformer: Any, family: str, weight: float) -> dict[str, Tensor]:
    """A LoRA's tensors, whose change is in the network's weights afterwards."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}
    plain = dict({"flux": FLUX, "sd3": SD3}[family])
    places = {**plain, **{name: (ours,) for name, ours in SWAPPED[family].items()}}
    for name, modules in places.items():
        layers = [transformer.get_submodule(module) for module in modules]
        down = torch.randn(2, layers[0].in_features, generator=generator) * 0.3
        rows = sum(layer.out_features for layer in layers)
        up = torch.randn(rows, 2, generator=generator) * 0.3
        key = f"lora_unet_{name}"
        tensors |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
        tensors[f"{key}.alpha"] = torch.tensor(1.0)
        change = weight * 0.5 * up @ down
        if name in SWAPPED[family]:
            change = change.roll(rows // 2, 0)
        for layer, part in zip(
            layers, torch.split(change, [m.out_features for m in layers]), strict=True
        ):
            layer.weight.data += part
    return tensors


@pytest.mark.parametrize("family", ["flux", "sd3"])
def test_the_picture_is_that_of_a_pipeline_with_weights_merged_by_hand(
    tmp_path: Path, family: str
) -> None:
    tiny = tiny_flux() if family == "flux" else tiny_sd3()
    model, pipeline = pair(tmp_path / family, tiny)
    save_file(merged_by_hand(pipeline.transformer, family, 0.7), tmp_path / "a.safetensors")
    info = AdapterInfo(AdapterId("loras/a"), "lora", "a", str(tmp_path / "a.safetensors"), 1)
    if family == "flux":
        theirs = expected(pipeline, latents=packed(noise(model)), guidance_scale=2.5)
        fields: dict[str, Any] = {"distilled_guidance_scale": 2.5}
    else:
        told = {"negative_prompt": NEGATIVE, "guidance_scale": 4.5, "max_sequence_length": 256}
        theirs = expected(pipeline, latents=noise(model), **told)
        fields = {"guidance_scale": 4.5}
    ours, plain = drawn_with(model, info, 0.7, **fields)
    assert_close(packed(ours) if family == "flux" else ours, theirs)
    assert (ours - plain).abs().max() > 1e-2


def test_names_of_diffusers_stay() -> None:
    pieces = {"down": torch.ones(2, 4), "up": torch.ones(6, 2)}
    name = "single_transformer_blocks_0_attn_to_q"
    assert dict(parted(name, pieces)) == {name: pieces}


def test_a_dialect_without_rows_is_named() -> None:
    pieces = {"lokr_w1": torch.ones(2, 2), "lokr_w2": torch.ones(3, 2)}
    with pytest.raises(ValueError, match="several layers in one, and a change of it by lokr_w1"):
        dict(parted("double_blocks_0_img_attn_qkv", pieces))
    assert list(parted("double_blocks_0_img_attn_proj", pieces)) == [
        ("transformer_blocks_0_attn_to_out_0", pieces)
    ]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("double_blocks_0_img_attn_qkv", [f"transformer_blocks_0_attn_to_{x}" for x in "qkv"]),
        ("single_blocks_0_linear1", [
            *[f"single_transformer_blocks_0_attn_to_{x}" for x in "qkv"],
            "single_transformer_blocks_0_proj_mlp",
        ]),
        ("double_blocks_0_img_attn_proj", ["transformer_blocks_0_attn_to_out_0"]),
    ],
)  # fmt: skip
def test_turns_of_kohya_are_listed_layer_by_layer(name: str, parts: list[str]) -> None:
    pieces = {f"oft_blocks_{i}": torch.full((2, 4, 4), i) for i in range(len(parts))}
    found = dict(parted(name, pieces))
    assert list(found) == parts
    for number, part in enumerate(parts):
        assert list(found[part]) == ["oft_blocks"]
        assert torch.equal(found[part]["oft_blocks"], torch.full((2, 4, 4), number))


def test_a_turn_that_lacks_a_layer_is_named() -> None:
    pieces = {f"oft_blocks_{i}": torch.ones(2, 4, 4) for i in range(2)}
    with pytest.raises(ValueError, match="no blocks for layer 3 of it"):
        dict(parted("double_blocks_0_img_attn_qkv", pieces))
