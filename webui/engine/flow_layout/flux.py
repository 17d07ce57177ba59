"""FLUX.1's transformer as it was published (github.com/black-forest-labs/flux), by diffusers' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webui.engine.flow_layout.renaming import (
    block_of,
    count_blocks,
    halves_swapped,
    parted,
    renamed,
    thirds,
)
from webui.engine.packed.weight import Stored

DOUBLE, SINGLE = "double_blocks", "single_blocks"
ENDS = {
    "img_in": "x_embedder", "txt_in": "context_embedder", "final_layer.linear": "proj_out",
    **{
        f"{theirs}.{one}": f"time_text_embed.{ours}.{other}"
        for theirs, ours in (
            ("time_in", "timestep_embedder"), ("vector_in", "text_embedder"),
            ("guidance_in", "guidance_embedder"),
        )
        for one, other in (("in_layer", "linear_1"), ("out_layer", "linear_2"))
    },
}  # fmt: skip
IN_DOUBLE = {
    "img_mod.lin": "norm1.linear", "txt_mod.lin": "norm1_context.linear",
    "img_mlp.0": "ff.net.0.proj", "img_mlp.2": "ff.net.2", "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2", "img_attn.proj": "attn.to_out.0", "txt_attn.proj": "attn.to_add_out",
}  # fmt: skip
IN_SINGLE = {"modulation.lin": "norm.linear", "linear2": "proj_out"}
NORMS = {
    "img_attn.norm.query_norm.scale": "attn.norm_q.weight",
    "img_attn.norm.key_norm.scale": "attn.norm_k.weight",
    "txt_attn.norm.query_norm.scale": "attn.norm_added_q.weight",
    "txt_attn.norm.key_norm.scale": "attn.norm_added_k.weight",
    "norm.query_norm.scale": "attn.norm_q.weight",
    "norm.key_norm.scale": "attn.norm_k.weight",
}
ATTENTION = {
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
}
LAST_NORM = "final_layer.adaLN_modulation.1"
AXES = (16, 56, 56)
"""Of a head of every version: numbers that tell where a token is, by axis."""


# Any: the names of diffusers' arguments.
def sizes(weights: Mapping[str, Stored]) -> dict[str, Any]:
    """What of diffusers' configuration shows in the weights."""
    return {
        "num_layers": count_blocks(weights, DOUBLE),
        "num_single_layers": count_blocks(weights, SINGLE),
        "guidance_embeds": "guidance_in.in_layer.weight" in weights,
        "in_channels": weights["img_in.weight"].shape[1],
    }


# Any: as above.
def configuration(weights: Mapping[str, Stored]) -> dict[str, Any]:
    """Diffusers' configuration of a published transformer, all of it."""
    hidden = weights["img_in.weight"].shape[0]
    head = weights[f"{DOUBLE}.0.img_attn.norm.query_norm.scale"].shape[0]
    return sizes(weights) | {
        "patch_size": 1, "attention_head_dim": head, "num_attention_heads": hidden // head,
        "joint_attention_dim": weights["txt_in.weight"].shape[1],
        "pooled_projection_dim": weights["vector_in.in_layer.weight"].shape[1],
        "axes_dims_rope": AXES,
    }  # fmt: skip


def converted(weights: Mapping[str, Stored]) -> dict[str, Stored]:
    """The weights by diffusers' names; those of names that the layout does not have keep theirs."""
    width = weights["img_in.weight"].shape[0]
    named: dict[str, Stored] = {}
    for name, weight in weights.items():
        block = block_of(name)
        module, _, what = name.rpartition(".")
        if block is not None and block[0] in (DOUBLE, SINGLE):
            named |= _in_block(*block, weight, width)
        elif module == LAST_NORM:
            named[f"norm_out.linear.{what}"] = halves_swapped(weight)
        else:
            named[renamed(name, ENDS) or name] = weight
    return named


def _in_block(
    kind: str, number: int, name: str, weight: Stored, width: int
) -> Mapping[str, Stored]:
    place = f"{'transformer' if kind == DOUBLE else 'single_transformer'}_blocks.{number}."
    module, _, what = name.rpartition(".")
    if name in NORMS:
        return {place + NORMS[name]: weight}
    if module in ATTENTION:
        return thirds(weight, [f"{place}{ours}.{what}" for ours in ATTENTION[module]])
    if kind == SINGLE and module == "linear1":
        ours = [f"{place}attn.to_{letter}.{what}" for letter in "qkv"]
        rest = weight.shape[0] - 3 * width
        return parted(weight, [*ours, f"{place}proj_mlp.{what}"], (width, width, width, rest))
    return {place + (renamed(name, IN_DOUBLE if kind == DOUBLE else IN_SINGLE) or name): weight}
