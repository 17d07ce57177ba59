"""LoRAs of SD 3 and FLUX, in the names of the published code, against weights merged by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.adapters.dialects.hand import read
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
from webui.contracts.lora_keys import split_key
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


@pytest.mark.parametrize("maker", ["xlabs", "onetrainer"])
def test_other_makers_names_of_flux_change_what_diffusers_reads_of_them(
    tmp_path: Path, maker: str
) -> None:
    model, pipeline = pair(tmp_path / "flux", tiny_flux())
    tensors = of_maker(maker, pipeline.transformer)
    save_file(tensors, tmp_path / "a.safetensors")
    for name, tensor in pipeline.lora_state_dict(dict(tensors)).items():
        if name.endswith("lora_A.weight"):
            up = pipeline.lora_state_dict(dict(tensors))[name.replace("lora_A", "lora_B")]
            module = name.removeprefix("transformer.").removesuffix(".lora_A.weight")
            pipeline.transformer.get_submodule(module).weight.data += 0.7 * up @ tensor
    theirs = expected(pipeline, latents=packed(noise(model)), guidance_scale=2.5)
    info = AdapterInfo(AdapterId("loras/a"), "lora", "a", str(tmp_path / "a.safetensors"), 1)
    ours, plain = drawn_with(model, info, 0.7, distilled_guidance_scale=2.5)
    assert_close(packed(ours), theirs)
    assert (ours - plain).abs().max() > 1e-2


def of_maker(maker: str, transformer: Any) -> dict[str, Tensor]:
    """A LoRA of attentions, its alpha its rank; XLabs' has none."""
    generator = torch.Generator().manual_seed(0)
    width = transformer.inner_dim
    mlp = transformer.single_transformer_blocks[0].proj_mlp.out_features
    sizes = {
        "double_blocks.0.processor.qkv_lora1": (width, 3 * width),
        "double_blocks.0.processor.qkv_lora2": (width, 3 * width),
        "double_blocks.0.processor.proj_lora1": (width, width),
        "double_blocks.0.processor.proj_lora2": (width, width),
        "single_blocks.0.processor.qkv_lora": (width, 3 * width),
        "single_blocks.0.processor.proj_lora": (width + mlp, width),
    }
    down, up = ".down.weight", ".up.weight"
    if maker == "onetrainer":
        sizes = {
            "lora_transformer_transformer_blocks_0_attn_to_q": (width, width),
            "lora_transformer_transformer_blocks_0_attn_add_v_proj": (width, width),
            "lora_transformer_single_transformer_blocks_0_attn_to_k": (width, width),
        }
        down, up = ".lora_down.weight", ".lora_up.weight"
    tensors = {}
    for name, (inputs, outputs) in sizes.items():
        tensors[name + down] = 0.3 * torch.randn(2, inputs, generator=generator)
        tensors[name + up] = 0.3 * torch.randn(outputs, 2, generator=generator)
        if maker == "onetrainer":
            tensors[name + ".alpha"] = torch.tensor(2.0)
    return tensors


NUMBERED = {
    "flux": {
        **{f"double_blocks.0.img_attn.qkv.{i}": f"transformer_blocks.0.{n}" for i, n in enumerate(QKV)},
        **{f"double_blocks.0.txt_attn.qkv.{i}": f"transformer_blocks.0.{n}" for i, n in enumerate(ADDED)},
        **{
            f"single_blocks.0.linear1.{i}": f"single_transformer_blocks.0.{n}"
            for i, n in enumerate((*QKV, "proj_mlp"))
        },
        "double_blocks.0.img_attn.proj": "transformer_blocks.0.attn.to_out.0",
        "single_blocks.0.modulation.lin": "single_transformer_blocks.0.norm.linear",
        "img_in.proj": "x_embedder",
    },
    "sd3": {
        **{f"joint_blocks.0.x_block.attn.qkv.{i}": f"transformer_blocks.0.{n}" for i, n in enumerate(QKV)},
        **{
            f"joint_blocks.1.context_block.attn.qkv.{i}": f"transformer_blocks.1.{n}"
            for i, n in enumerate(ADDED)
        },
        "joint_blocks.0.x_block.mlp.fc2": "transformer_blocks.0.ff.net.2",
        "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    },
}  # fmt: skip
"""OneTrainer's newer names, and the layers of diffusers that they mean."""


@pytest.mark.parametrize("family", NUMBERED)
def test_layers_that_were_one_may_be_named_by_their_number(family: str) -> None:
    transformer = (tiny_flux() if family == "flux" else tiny_sd3()).transformer
    joined = {name.replace(".", "_") for name, _ in transformer.named_modules()}
    for theirs, ours in NUMBERED[family].items():
        (_, name), _ = split_key(f"transformer.{theirs}.lora_down.weight")
        pieces = {"down": torch.ones(2, 4), "up": torch.ones(6, 2)}
        assert dict(parted(name, pieces)) == {ours.replace(".", "_"): pieces}
        assert ours.replace(".", "_") in joined


def test_names_of_diffusers_stay() -> None:
    pieces = {"down": torch.ones(2, 4), "up": torch.ones(6, 2)}
    name = "single_transformer_blocks_0_attn_to_q"
    assert dict(parted(name, pieces)) == {name: pieces}


def test_a_dialect_without_rows_is_named() -> None:
    pieces = {"a1": torch.ones(2, 2), "a2": torch.ones(3, 2)}
    with pytest.raises(ValueError, match="several layers in one, and a change of it by a1"):
        dict(parted("double_blocks_0_img_attn_qkv", pieces))
    assert list(parted("double_blocks_0_img_attn_proj", pieces)) == [
        ("transformer_blocks_0_attn_to_out_0", pieces)
    ]


@pytest.mark.parametrize("rows", [(6, 4), (2, 12), (4, 6), (1, 24)])
@pytest.mark.parametrize("low", [False, True])
def test_rows_of_a_kronecker_product_are_those_of_the_whole(
    rows: tuple[int, int], low: bool
) -> None:
    one, two = torch.randn(rows[0], 2), torch.randn(rows[1], 3)
    pieces = {"lokr_w1": one, "lokr_w2": two}
    if low:
        up, down = torch.randn(rows[1], 2), torch.randn(2, 3)
        pieces = {"lokr_w1": one, "lokr_w2_a": up, "lokr_w2_b": down}
        two = up @ down
    whole = torch.kron(one, two)
    found = [read(cut) for _, cut in parted("joint_blocks_0_x_block_attn_qkv", pieces)]
    for change, expected_rows in zip(found, whole.chunk(3), strict=True):
        assert change.shape == (8, 6)
        assert torch.allclose(change.change(torch.zeros(8, 6)), expected_rows, atol=1e-6)


def test_halves_of_a_kronecker_product_change_places() -> None:
    pieces = {"lokr_w1": torch.randn(2, 3), "lokr_w2": torch.randn(6, 2)}
    ((name, cut),) = parted("final_layer_adaLN_modulation_1", pieces)
    assert name == "norm_out_linear"
    whole = torch.kron(pieces["lokr_w1"], pieces["lokr_w2"])
    assert torch.equal(read(cut).change(torch.zeros(12, 6)), whole.roll(6, 0))


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
