"""T5's encoder of a single file, by transformers' names: sizes that its weights tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers.models.t5.configuration_t5 import T5Config
from transformers.models.t5.modeling_t5 import T5EncoderModel

_WORDS, _AGAIN = "shared.weight", "encoder.embed_tokens.weight"
_BLOCK = "encoder.block.{}.layer."
_FIRST = _BLOCK.format(0)


def read_t5_encoder(weights: Mapping[str, Tensor]) -> T5EncoderModel:
    """T5's encoder (version 1.1), in the precision of its weights and where they lie.

    Args:
        weights: Without the part's prefix; the table of words may be there once or twice.

    Raises:
        ValueError: the weights are not those of such an encoder.
    """
    try:
        config = _config(weights)
        words = weights[_WORDS]
    except KeyError as error:
        raise ValueError(f"its T5 has no weight {error}") from error
    with torch.device("meta"):
        encoder: Any = T5EncoderModel(config)  # its members are typed loosely
    known = encoder.state_dict()
    named = {name: weight for name, weight in weights.items() if name in known}
    try:
        encoder.load_state_dict({**named, _AGAIN: words}, strict=True, assign=True)
    except RuntimeError as error:
        raise ValueError(f"its T5 has other weights than expected: {error}") from error
    encoder.set_input_embeddings(encoder.shared)  # one table, not two alike
    made: T5EncoderModel = encoder
    return made


def _config(weights: Mapping[str, Tensor]) -> T5Config:
    buckets, heads = weights[f"{_FIRST}0.SelfAttention.relative_attention_bias.weight"].shape
    layers = 0
    while f"{_BLOCK.format(layers)}0.SelfAttention.q.weight" in weights:
        layers += 1
    words, width = weights[_WORDS].shape
    return T5Config(
        vocab_size=words, d_model=width, num_layers=layers, num_heads=heads,
        d_kv=weights[f"{_FIRST}0.SelfAttention.q.weight"].shape[0] // heads,
        d_ff=weights[f"{_FIRST}1.DenseReluDense.wi_0.weight"].shape[0],
        relative_attention_num_buckets=buckets, feed_forward_proj="gated-gelu",
    )  # fmt: skip
