"""Controlnets of transformers in single files: diffusers' configuration of each, and its weights by diffusers' names.

What shapes do not show is that of the published ones: heads of 128 in FLUX and of 64 in Stable Diffusion 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from webui.engine.flow_layout import flux, sd3
from webui.engine.flow_layout.renaming import block_of, count_blocks, renamed, thirds
from webui.engine.packed.weight import Stored
from webui.weights.flow_control_files import MODES, SD3_LATENT, SD3_PICTURE, XLABS_BLOCK

DOUBLE, SINGLE = "transformer_blocks", "single_transformer_blocks"
XLABS_PATCH = 2
"""XLabs' picture is cut into patches behind its own layers; a latent comes in patches."""
_HINT = {
    "0": "conv_in", **{str(2 * i): f"blocks.{i - 1}" for i in range(1, 7)}, "14": "conv_out",
}  # fmt: skip
_STABILITY = {
    **sd3.ENDS, "attn.proj": "attn.to_out.0", "adaLN_modulation.1": "norm1.linear",
    "mlp.fc1": "ff.net.0.proj", "mlp.fc2": "ff.net.2",
}  # fmt: skip
"""Of Stability AI's controlnets: of ends by whole names, of blocks by what stands behind their number."""


# Any, here and below: the names of diffusers' arguments.
def flux_control(weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Stored]]:
    """Configuration and weights of one for FLUX."""
    named: dict[str, Stored] = dict(weights)
    is_xlabs = XLABS_BLOCK in weights
    if is_xlabs:
        named = {_of_xlabs(name): weight for name, weight in flux.converted(weights).items()}
    width, channels = named["x_embedder.weight"].shape
    head = named[f"{DOUBLE}.0.attn.norm_q.weight"].shape[0]
    hint = named.get("input_hint_block.conv_out.weight")
    return {
        "patch_size": XLABS_PATCH if hint is not None else 1,
        "in_channels": channels,
        "num_layers": count_blocks(named, DOUBLE),
        "num_single_layers": count_blocks(named, SINGLE),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": named["context_embedder.weight"].shape[1],
        "pooled_projection_dim": named["time_text_embed.text_embedder.linear_1.weight"].shape[1],
        "guidance_embeds": "time_text_embed.guidance_embedder.linear_1.weight" in named,
        "axes_dims_rope": flux.AXES,
        "num_mode": named[MODES].shape[0] if MODES in named else None,
        "conditioning_embedding_channels": None if hint is None else hint.shape[0],
    }, named  # fmt: skip


def _of_xlabs(name: str) -> str:
    if name.startswith("pos_embed_input."):
        return name.replace("pos_embed_input", "controlnet_x_embedder")
    found = block_of(name)
    if found is not None and found[0] == "input_hint_block":
        return f"input_hint_block.{_HINT.get(str(found[1]), found[1])}.{found[2]}"
    return name


def sd3_control(weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Stored]]:
    """Configuration and weights of one for Stable Diffusion 3."""
    named: dict[str, Stored] = dict(weights)
    if f"{DOUBLE}.0.attn.qkv.weight" in weights:
        named = {}
        for name, weight in weights.items():
            named |= _of_stability(name, weight)
    width, channels = named[SD3_PICTURE].shape[:2]
    text, places = named.get("context_embedder.weight"), named.get("pos_embed.pos_embed")
    count = count_blocks(named, DOUBLE)
    norm = named.get(f"{DOUBLE}.0.attn.norm_q.weight")
    head = sd3.HEAD_WIDTH if norm is None else norm.shape[0]
    largest = {} if places is None else {"pos_embed_max_size": math.isqrt(places.shape[1])}
    own = named[SD3_LATENT].shape[1] if SD3_LATENT in named else channels
    return {
        "sample_size": sd3.SAMPLE_SIZE,
        "patch_size": sd3.PATCH,
        "in_channels": own,
        "extra_conditioning_channels": channels - own,
        "out_channels": own,
        "num_layers": count,
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": None if text is None else text.shape[1],
        "caption_projection_dim": width if text is None else text.shape[0],
        "pooled_projection_dim": named["time_text_embed.text_embedder.linear_1.weight"].shape[1],
        "dual_attention_layers": tuple(
            i for i in range(count) if f"{DOUBLE}.{i}.attn2.to_q.weight" in named
        ),
        "qk_norm": None if norm is None else "rms_norm",
        "use_pos_embed": SD3_LATENT in named,
        # InstantX, whose controlnets look at the text, taught them so.
        "force_zeros_for_pooled_projection": text is not None,
        **largest,
    }, named  # fmt: skip


def _of_stability(name: str, weight: Tensor) -> Mapping[str, Stored]:
    block = block_of(name)
    if block is None or block[0] != DOUBLE:
        return {renamed(name, _STABILITY) or name: weight}
    place, inner = f"{DOUBLE}.{block[1]}.", block[2]
    module, _, what = inner.rpartition(".")
    if module == "attn.qkv":
        return thirds(weight, [f"{place}attn.to_{letter}.{what}" for letter in "qkv"])
    return {place + (renamed(inner, _STABILITY) or inner): weight}
