"""The text encoders of single files as transformers' CLIPTextModel, which computes the same.

Stable Diffusion 1 has CLIP's by transformers' names, in older files and in newer ones; Stable Diffusion 2 has
OpenCLIP's (Ilharco et al. 2021), whose attention keeps queries, keys and values in one matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection

Encoder = TypeVar("Encoder", CLIPTextModel, CLIPTextModelWithProjection)

HEAD_WIDTH = 64
"""Of every CLIP text encoder that was published."""
START, END = 49_406, 49_407
"""Tokens."""
OPEN_CLIP = {
    "positional_embedding": "embeddings.position_embedding.weight",
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
"""OpenCLIP's name to transformers', outside of the layers."""
OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
}  # fmt: skip
"""The same within a layer."""
LAYERS, BLOCKS = "encoder.layers.", "transformer.resblocks."


def read_clip(weights: Mapping[str, Tensor]) -> CLIPTextModel:
    """CLIP's text encoder, in the precision of its weights and where they lie.

    Args:
        weights: By transformers' names, those of older versions too; without the part's prefix.

    Raises:
        ValueError: the weights are not those of such an encoder.
    """
    named = {name.removeprefix("text_model."): weight for name, weight in weights.items()}
    kept = {n: w for n, w in named.items() if n.startswith(("embeddings.", "encoder.", "final_"))}
    kept.pop("embeddings.position_ids", None)
    return _read(kept, "quick_gelu")


def read_open_clip(weights: Mapping[str, Tensor], unused_layers: int = 1) -> CLIPTextModel:
    """OpenCLIP's text encoder, in the precision of its weights and where they lie.

    Args:
        weights: By OpenCLIP's names, without the part's prefix.
        unused_layers: Layers at the end that are left out: Stable Diffusion 2 reads the last but one.

    Raises:
        ValueError: the weights are not those of such an encoder.
    """
    return _read(open_clip_converted(weights, unused_layers), "gelu")


def read_open_clip_with_projection(weights: Mapping[str, Tensor]) -> CLIPTextModelWithProjection:
    """OpenCLIP's text encoder with what it says of a text as a whole, as SDXL reads it.

    Raises:
        ValueError: the weights are not those of such an encoder.
    """
    if "text_projection" not in weights:
        raise ValueError("its second text encoder has no projection")
    projection = weights["text_projection"]  # (width, projected): it is multiplied from the left
    named = open_clip_converted(weights)
    config = _config(named, "gelu", int(projection.shape[1]))
    with torch.device("meta"):
        encoder = CLIPTextModelWithProjection(config)
    inner = {f"text_model.{name}": weight for name, weight in named.items()}
    return _filled(encoder, inner | {"text_projection.weight": projection.T.contiguous()}, config)


def read_clip_with_projection(
    weights: Mapping[str, Tensor], activation: str
) -> CLIPTextModelWithProjection:
    """CLIP's text encoder with what it says of a text as a whole, by transformers' names.

    Raises:
        ValueError: the weights are not those of such an encoder.
    """
    projection = weights.get("text_projection.weight")
    if projection is None:
        raise ValueError("its second text encoder has no projection")
    inner = {n: w for n, w in weights.items() if n.startswith("text_model.")}
    inner.pop("text_model.embeddings.position_ids", None)
    named = {name.removeprefix("text_model."): weight for name, weight in inner.items()}
    config = _config(named, activation, int(projection.shape[0]))
    with torch.device("meta"):
        encoder = CLIPTextModelWithProjection(config)
    return _filled(encoder, inner | {"text_projection.weight": projection}, config)


def open_clip_converted(weights: Mapping[str, Tensor], unused_layers: int = 0) -> dict[str, Tensor]:
    """OpenCLIP's weights by transformers' names, without its projection.

    Raises:
        ValueError: there are no layers left.
    """
    layers = _layers(weights, BLOCKS) - unused_layers
    if layers < 1:
        raise ValueError(f"its text encoder has {layers + unused_layers} layers")
    named: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if name in OPEN_CLIP:
            named[OPEN_CLIP[name]] = weight
        elif name.startswith(BLOCKS):
            number, _, rest = name.removeprefix(BLOCKS).partition(".")
            if int(number) < layers:
                named |= open_clip_layer(f"{LAYERS}{number}.", rest, weight)
    return named


def open_clip_layer(layer: str, rest: str, weight: Tensor) -> dict[str, Tensor]:
    """A weight of a layer by transformers' name, or the three that OpenCLIP keeps in one."""
    if rest.startswith("attn.in_proj_"):
        what = rest.removeprefix("attn.in_proj_")
        parts = zip("qkv", weight.chunk(3), strict=True)
        return {f"{layer}self_attn.{letter}_proj.{what}": part for letter, part in parts}
    module, _, what = rest.rpartition(".")
    return {f"{layer}{OPEN_CLIP_LAYER.get(module, module)}.{what}": weight}


def _read(weights: Mapping[str, Tensor], activation: str) -> CLIPTextModel:
    config = _config(weights, activation)
    with torch.device("meta"):
        encoder = CLIPTextModel(config)
    return _filled(encoder, weights, config)


def _config(
    weights: Mapping[str, Tensor], activation: str, projected: int | None = None
) -> CLIPTextConfig:
    try:
        words, width = weights["embeddings.token_embedding.weight"].shape
        return CLIPTextConfig(
            vocab_size=words,
            hidden_size=width,
            intermediate_size=weights[f"{LAYERS}0.mlp.fc1.weight"].shape[0],
            num_hidden_layers=_layers(weights, LAYERS),
            num_attention_heads=max(width // HEAD_WIDTH, 1),
            max_position_embeddings=weights["embeddings.position_embedding.weight"].shape[0],
            hidden_act=activation,
            projection_dim=projected or width,
            bos_token_id=START,
            eos_token_id=END,
            pad_token_id=END,
        )
    except KeyError as error:
        raise ValueError(f"its text encoder has no weight {error}") from error


def _filled(encoder: Encoder, weights: Mapping[str, Tensor], config: CLIPTextConfig) -> Encoder:
    try:
        encoder.load_state_dict(dict(weights), strict=True, assign=True)
    except RuntimeError as error:
        raise ValueError(f"its text encoder has other weights than expected: {error}") from error
    places = torch.arange(config.max_position_embeddings)  # a buffer that no file needs to have
    inner: Any = getattr(encoder, "text_model", encoder)  # transformers types it loosely
    inner.embeddings.register_buffer("position_ids", places[None], persistent=False)
    return encoder


def _layers(weights: Mapping[str, Tensor], prefix: str) -> int:
    numbers = {n.removeprefix(prefix).split(".")[0] for n in weights if n.startswith(prefix)}
    return len(numbers)
