"""OpenCLIP's image encoder (Ilharco et al. 2021) by transformers' names, which computes the same."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from webui.engine.ldm_layout.text_encoder import BLOCKS, LAYERS, open_clip_layer
from webui.weights.clip_vision_files import PREFIX, PROJECTION

OUTSIDE = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",  # so it is spelt
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
"""OpenCLIP's name to transformers', outside of the layers."""


def open_clip_vision_converted(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of an image encoder, without the part's prefix; others are left out."""
    named: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name == "proj":  # (width, projected): it is multiplied from the left
            named[PROJECTION] = weight.T.contiguous()
        elif name in OUTSIDE:
            named[PREFIX + OUTSIDE[name]] = weight
        elif name.startswith(BLOCKS):
            number, _, rest = name.removeprefix(BLOCKS).partition(".")
            named |= open_clip_layer(f"{PREFIX}{LAYERS}{number}.", rest, weight)
    return named
