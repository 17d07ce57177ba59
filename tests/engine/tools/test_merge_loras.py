"""A LoRA is put into whichever weight of a file its layer is, or is some rows of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.families import whole_flow
from tests.engine.families.test_flow_families import T5_LAYERS, t5_lora
from tests.engine.families.test_sdxl_file import shapes_of
from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3
from tests.engine.families.whole_flow import write_whole
from tests.engine.original import random_weights
from webui.contracts.errors import BadRequest
from webui.engine.tools.command import main
from webui.engine.weights import Weights, open_weights

NETWORK = "model.diffusion_model."
T5 = "text_encoders.t5xxl.transformer."
XL_SECOND = "conditioner.embedders.1.model.transformer.resblocks.0."


def lora(file: Path, changed: dict[str, tuple[int, int]]) -> dict[str, Tensor]:
    """A LoRA of these layers, (outputs, inputs) each; what it adds to each."""
    generator = torch.Generator().manual_seed(4)
    tensors: dict[str, Tensor] = {}
    added = {}
    for name, (out, into) in changed.items():
        down = torch.randn(2, into, generator=generator)
        up = torch.randn(out, 2, generator=generator)
        tensors |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
        added[name] = up @ down
    save_file(tensors, file)
    return added


def made(tmp_path: Path, source: Path, added: Path, weight: float) -> tuple[Weights, Weights]:
    """The file before and with a LoRA in it."""
    target = tmp_path / "made.safetensors"
    main([str(target), str(source), "--lora", f"{added}:{weight}"])
    return open_weights(source), open_weights(target)


def assert_added(
    before: Weights, after: Weights, changes: dict[str, list[tuple[slice, Tensor]]], weight: float
) -> None:
    """Rows of these weights are changed so, and all else is the same to the bit."""
    for name in before:
        wanted = before[name].clone()
        for rows, change in changes.get(name, []):
            wanted[rows] += weight * change
        same = torch.equal if name not in changes else torch.allclose
        assert same(after[name], wanted), name


@pytest.mark.parametrize(
    ("make", "part", "naming"),
    [
        (tiny_sd3, "text_encoder_3", "lora_te3_{}"),
        (tiny_sd3, "text_encoder_3", "text_encoder_3.{}"),
        (tiny_flux, "text_encoder_2", "lora_te3_{}"),
        (tiny_flux, "text_encoder_2", "text_encoder_2.{}"),
    ],
)
def test_what_it_changes_in_the_t5_of_a_folder(
    tmp_path: Path, make: Any, part: str, naming: str
) -> None:
    pipeline = make()
    pipeline.save_pretrained(tmp_path / "base")
    t5 = getattr(pipeline, part)
    file = t5_lora(tmp_path / "a.safetensors", t5, naming, 0.7)
    main([str(tmp_path / "made"), str(tmp_path / "base"), "--lora", f"{file.path}:0.7"])
    weights = open_weights(tmp_path / "made" / part / "model.safetensors")
    for name in T5_LAYERS:
        wanted = t5.get_submodule(name).weight.detach()
        assert torch.allclose(weights[f"{name}.weight"], wanted, atol=1e-6)


def test_rows_of_flux_in_one_file(tmp_path: Path) -> None:
    source = write_whole(tmp_path / "flux.safetensors", whole_flow.flux())
    wide = 128
    names = {
        "transformer.transformer_blocks.0.attn.to_k": (wide, wide),
        "transformer.transformer_blocks.0.attn.add_v_proj": (wide, wide),
        "transformer.single_transformer_blocks.0.attn.to_q": (wide, wide),
        "transformer.single_transformer_blocks.0.proj_mlp": (4 * wide, wide),
        "transformer.norm_out.linear": (2 * wide, wide),
        "transformer.x_embedder": (wide, 16),
        "text_encoder.encoder.layers.0.self_attn.q_proj": (whole_flow.FIRST, whole_flow.FIRST),
        f"text_encoder_2.{T5_LAYERS[0]}": (16, whole_flow.T5_WIDTH),
    }
    added = lora(tmp_path / "a.safetensors", names)
    k, v, q, mlp, norm, embedder, clip, t5 = added.values()
    before, after = made(tmp_path, source, tmp_path / "a.safetensors", 0.5)
    every = slice(None)
    changes = {
        f"{NETWORK}double_blocks.0.img_attn.qkv.weight": [(slice(wide, 2 * wide), k)],
        f"{NETWORK}double_blocks.0.txt_attn.qkv.weight": [(slice(2 * wide, 3 * wide), v)],
        f"{NETWORK}single_blocks.0.linear1.weight": [
            (slice(0, wide), q), (slice(3 * wide, 7 * wide), mlp),
        ],
        f"{NETWORK}final_layer.adaLN_modulation.1.weight": [(every, norm.roll(wide, 0))],
        f"{NETWORK}img_in.weight": [(every, embedder)],
        "text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight": [
            (every, clip)
        ],
        f"{T5}{T5_LAYERS[0]}.weight": [(every, t5)],
    }  # fmt: skip
    assert_added(before, after, changes, 0.5)


def test_rows_of_a_transformer_of_stable_diffusion_3_alone(tmp_path: Path) -> None:
    whole = open_weights(write_whole(tmp_path / "sd3.safetensors", whole_flow.sd3()))
    source = tmp_path / "bare.safetensors"
    save_file({n: w.clone() for n, w in whole.below(NETWORK).items()}, source)
    wide = 64
    names = {
        "transformer.transformer_blocks.1.attn.to_v": (wide, wide),
        "transformer.transformer_blocks.1.norm1_context.linear": (2 * wide, wide),
        "transformer.transformer_blocks.0.attn.add_q_proj": (wide, wide),
    }
    v, norm, q = lora(tmp_path / "a.safetensors", names).values()
    before, after = made(tmp_path, source, tmp_path / "a.safetensors", 1.0)
    changes = {
        "joint_blocks.1.x_block.attn.qkv.weight": [(slice(2 * wide, 3 * wide), v)],
        "joint_blocks.1.context_block.adaLN_modulation.1.weight": [
            (slice(None), norm.roll(wide, 0))
        ],
        "joint_blocks.0.context_block.attn.qkv.weight": [(slice(0, wide), q)],
    }
    assert_added(before, after, changes, 1.0)


def test_rows_of_the_second_text_encoder_of_xl_in_one_file(tmp_path: Path) -> None:
    source = tmp_path / "xl.safetensors"
    save_file(random_weights(shapes_of(refiner=False)), source)
    weights = open_weights(source)
    wide = weights[f"{XL_SECOND}attn.out_proj.weight"].shape[0]
    names = {
        "text_encoder_2.text_model.encoder.layers.0.self_attn.k_proj": (wide, wide),
        "text_encoder_2.text_model.encoder.layers.0.self_attn.out_proj": (wide, wide),
        "text_encoder.text_model.encoder.layers.1.self_attn.k_proj": (wide, wide),
    }
    k, out, first = lora(tmp_path / "a.safetensors", names).values()
    before, after = made(tmp_path, source, tmp_path / "a.safetensors", 0.5)
    changes = {
        f"{XL_SECOND}attn.in_proj_weight": [(slice(wide, 2 * wide), k)],
        f"{XL_SECOND}attn.out_proj.weight": [(slice(None), out)],
        "conditioner.embedders.0.transformer.text_model.encoder.layers.1.self_attn.k_proj.weight": [
            (slice(None), first)
        ],
    }
    assert_added(before, after, changes, 0.5)


def test_one_of_a_t5_that_the_file_has_not_is_refused(tmp_path: Path) -> None:
    source = write_whole(tmp_path / "sd3.safetensors", whole_flow.sd3(with_t5=False))
    lora(tmp_path / "a.safetensors", {f"text_encoder_3.{T5_LAYERS[0]}": (16, 208)})
    with pytest.raises(BadRequest, match="which the model has not"):
        made(tmp_path, source, tmp_path / "a.safetensors", 1.0)
