"""Stable Diffusion 3's transformer as it was published (github.com/Stability-AI/sd3.5), by diffusers' names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from webui.engine.flow_layout.renaming import (
    block_of,
    count_blocks,
    halves_swapped,
    renamed,
    thirds,
)
from webui.engine.packed.weight import Stored

BLOCKS = "joint_blocks"
ENDS = {
    "x_embedder.proj": "pos_embed.proj", "context_embedder": "context_embedder",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "final_layer.linear": "proj_out",
}  # fmt: skip
IN_BLOCK = {
    "x_block.attn.ln_q": "attn.norm_q", "x_block.attn.ln_k": "attn.norm_k",
    "x_block.attn2.ln_q": "attn2.norm_q", "x_block.attn2.ln_k": "attn2.norm_k",
    "context_block.attn.ln_q": "attn.norm_added_q", "context_block.attn.ln_k": "attn.norm_added_k",
    "x_block.attn.proj": "attn.to_out.0", "x_block.attn2.proj": "attn2.to_out.0",
    "context_block.attn.proj": "attn.to_add_out",
    "x_block.adaLN_modulation.1": "norm1.linear",
    "context_block.adaLN_modulation.1": "norm1_context.linear",
    "x_block.mlp.fc1": "ff.net.0.proj", "x_block.mlp.fc2": "ff.net.2",
    "context_block.mlp.fc1": "ff_context.net.0.proj", "context_block.mlp.fc2": "ff_context.net.2",
}  # fmt: skip
ATTENTION = {
    "x_block.attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
    "context_block.attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
}
LAST_NORM = "final_layer.adaLN_modulation.1"
PLACES = "pos_embed"
TEXT_NORM = "context_block.adaLN_modulation.1"
HEAD_WIDTH, PATCH, SAMPLE_SIZE = 64, 2, 128
"""Of every version; where heads are normalised, their width shows."""


# Any: the names of diffusers' arguments.
def sizes(weights: Mapping[str, Stored]) -> dict[str, Any]:
    """What of diffusers' configuration shows in the weights."""
    count = count_blocks(weights, BLOCKS)
    twice = [i for i in range(count) if f"{BLOCKS}.{i}.x_block.attn2.qkv.weight" in weights]
    return {
        "num_layers": count,
        "dual_attention_layers": tuple(twice),
        "qk_norm": "rms_norm" if f"{BLOCKS}.0.x_block.attn.ln_q.weight" in weights else None,
        "in_channels": weights["x_embedder.proj.weight"].shape[1],
        "pos_embed_max_size": math.isqrt(weights[PLACES].shape[1]),
    }


# Any: as above.
def configuration(weights: Mapping[str, Stored]) -> dict[str, Any]:
    """Diffusers' configuration of a published transformer, all of it."""
    hidden = weights["x_embedder.proj.weight"].shape[0]
    normed = weights.get(f"{BLOCKS}.0.x_block.attn.ln_q.weight")
    head = HEAD_WIDTH if normed is None else normed.shape[0]
    return sizes(weights) | {
        "sample_size": SAMPLE_SIZE, "patch_size": PATCH, "attention_head_dim": head,
        "num_attention_heads": hidden // head, "caption_projection_dim": hidden,
        "joint_attention_dim": weights["context_embedder.weight"].shape[1],
        "pooled_projection_dim": weights["y_embedder.mlp.0.weight"].shape[1],
        "out_channels": weights["final_layer.linear.weight"].shape[0] // PATCH**2,
    }  # fmt: skip


def converted(weights: Mapping[str, Stored]) -> dict[str, Stored]:
    """The weights by diffusers' names; those of names that the layout does not have keep theirs."""
    last = count_blocks(weights, BLOCKS) - 1
    named: dict[str, Stored] = {}
    for name, weight in weights.items():
        block = block_of(name)
        module, _, what = name.rpartition(".")
        if block is not None and block[0] == BLOCKS:
            named |= _in_block(block[1], block[2], weight, is_last=block[1] == last)
        elif module == LAST_NORM:
            named[f"norm_out.linear.{what}"] = halves_swapped(weight)
        elif name == PLACES:
            named[f"{PLACES}.{PLACES}"] = weight
        else:
            named[renamed(name, ENDS) or name] = weight
    return named


def _in_block(number: int, name: str, weight: Stored, *, is_last: bool) -> Mapping[str, Stored]:
    place = f"transformer_blocks.{number}."
    module, _, what = name.rpartition(".")
    if module in ATTENTION:
        return thirds(weight, [f"{place}{ours}.{what}" for ours in ATTENTION[module]])
    if (
        is_last and module == TEXT_NORM
    ):  # of the text's last norm, too, the halves are the other way round
        return {f"{place}norm1_context.linear.{what}": halves_swapped(weight)}
    return {place + (renamed(name, IN_BLOCK) or name): weight}
