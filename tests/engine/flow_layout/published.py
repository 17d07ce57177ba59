"""diffusers' weights in the published layouts: the other way round, and checked by diffusers' own converters."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

FLUX = (
    (r"^x_embedder\.", "img_in."), (r"^context_embedder\.", "txt_in."), (r"^proj_out\.", "final_layer.linear."),
    (r"^time_text_embed\.timestep_embedder\.linear_1", "time_in.in_layer"),
    (r"^time_text_embed\.timestep_embedder\.linear_2", "time_in.out_layer"),
    (r"^time_text_embed\.text_embedder\.linear_1", "vector_in.in_layer"),
    (r"^time_text_embed\.text_embedder\.linear_2", "vector_in.out_layer"),
    (r"^time_text_embed\.guidance_embedder\.linear_1", "guidance_in.in_layer"),
    (r"^time_text_embed\.guidance_embedder\.linear_2", "guidance_in.out_layer"),
    (r"^norm_out\.linear\.", "final_layer.adaLN_modulation.1."),
    (r"^transformer_blocks", "double_blocks"), (r"^single_transformer_blocks", "single_blocks"),
    (r"(double\S+?)norm1\.linear", r"\1img_mod.lin"), (r"(double\S+?)norm1_context\.linear", r"\1txt_mod.lin"),
    (r"(double\S+?)ff\.net\.0\.proj", r"\1img_mlp.0"), (r"(double\S+?)ff\.net\.2", r"\1img_mlp.2"),
    (r"(double\S+?)ff_context\.net\.0\.proj", r"\1txt_mlp.0"), (r"(double\S+?)ff_context\.net\.2", r"\1txt_mlp.2"),
    (r"attn\.to_out\.0", "img_attn.proj"), (r"attn\.to_add_out", "txt_attn.proj"),
    (r"(double\S+?)attn\.norm_q\.weight", r"\1img_attn.norm.query_norm.scale"),
    (r"(double\S+?)attn\.norm_k\.weight", r"\1img_attn.norm.key_norm.scale"),
    (r"(double\S+?)attn\.norm_added_q\.weight", r"\1txt_attn.norm.query_norm.scale"),
    (r"(double\S+?)attn\.norm_added_k\.weight", r"\1txt_attn.norm.key_norm.scale"),
    (r"(single\S+?)attn\.norm_q\.weight", r"\1norm.query_norm.scale"),
    (r"(single\S+?)attn\.norm_k\.weight", r"\1norm.key_norm.scale"),
    (r"(single\S+?)norm\.linear", r"\1modulation.lin"), (r"(single\S+?)proj_out", r"\1linear2"),
    (r"(double\S+?)attn\.to_([qkv])", r"\1img_attn.qkv#\2"),
    (r"(double\S+?)attn\.add_([qkv])_proj", r"\1txt_attn.qkv#\2"),
    (r"(single\S+?)attn\.to_([qkv])", r"\1linear1#\2"), (r"(single\S+?)proj_mlp", r"\1linear1#w"),
)  # fmt: skip
SD3 = (
    (r"^pos_embed\.proj", "x_embedder.proj"), (r"^pos_embed\.pos_embed", "pos_embed"),
    (r"^time_text_embed\.timestep_embedder\.linear_1", "t_embedder.mlp.0"),
    (r"^time_text_embed\.timestep_embedder\.linear_2", "t_embedder.mlp.2"),
    (r"^time_text_embed\.text_embedder\.linear_1", "y_embedder.mlp.0"),
    (r"^time_text_embed\.text_embedder\.linear_2", "y_embedder.mlp.2"),
    (r"^proj_out\.", "final_layer.linear."), (r"^norm_out\.linear\.", "final_layer.adaLN_modulation.1."),
    (r"^transformer_blocks", "joint_blocks"),
    (r"norm1\.linear", "x_block.adaLN_modulation.1"), (r"norm1_context\.linear", "context_block.adaLN_modulation.1"),
    (r"ff\.net\.0\.proj", "x_block.mlp.fc1"), (r"ff\.net\.2", "x_block.mlp.fc2"),
    (r"ff_context\.net\.0\.proj", "context_block.mlp.fc1"), (r"ff_context\.net\.2", "context_block.mlp.fc2"),
    (r"(attn2?)\.to_out\.0", r"x_block.\1.proj"), (r"attn\.to_add_out", "context_block.attn.proj"),
    (r"(attn2?)\.norm_([qk])", r"x_block.\1.ln_\2"), (r"attn\.norm_added_([qk])", r"context_block.attn.ln_\1"),
    (r"(attn2?)\.to_([qkv])", r"x_block.\1.qkv#\2"), (r"attn\.add_([qkv])_proj", r"context_block.attn.qkv#\1"),
)  # fmt: skip
ORDER = "qkvw"


def published(
    weights: Mapping[str, Tensor], rules: tuple[tuple[str, str], ...]
) -> dict[str, Tensor]:
    """The weights by the names of `FLUX` or `SD3`."""
    named: dict[str, Tensor] = {}
    pieces: dict[str, dict[str, Tensor]] = {}
    count = 1 + max(int(m[1]) for n in weights if (m := re.match(r"transformer_blocks\.(\d+)", n)))
    for name, weight in weights.items():
        new = name
        for pattern, text in rules:
            new = re.sub(pattern, text, new)
        is_text_end = rules is SD3 and f".{count - 1}.context_block.adaLN" in new
        if "final_layer.adaLN" in new or is_text_end:
            scale, shift = weight.chunk(2)
            named[new] = torch.cat((shift, scale))
        elif "#" in new:
            head, _, tail = new.partition("#")
            pieces.setdefault(head + tail[1:], {})[tail[0]] = weight
        else:
            named[new] = weight
    return named | {
        name: torch.cat([found[letter] for letter in ORDER if letter in found])
        for name, found in pieces.items()
    }
