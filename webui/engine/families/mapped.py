"""Networks of a diffusers folder over its mapped files: nothing is read of them before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from webui.engine.weights import open_weights

DIFFUSERS_FILE, TRANSFORMERS_FILE = "diffusion_pytorch_model", "model"
"""What the libraries call a network's file of weights, or the begin of its shards' names."""
_INNER = "text_model."
"""What names of a CLIP text encoder begin with or not, by the version of the library that wrote them."""
_POSITIONS = "embeddings.position_ids"
"""A row of whole numbers that older files hold and no network needs to be told."""
_WORDS, _WORDS_AGAIN = "shared.weight", "encoder.embed_tokens.weight"
"""T5's table of words, which it has twice."""


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object of a part.

    Raises:
        OSError: it is missing.
        ValueError: it is no JSON object.
    """
    config = json.loads((folder / name).read_text("utf-8"))
    if not isinstance(config, dict):
        raise ValueError(f"{name} holds a {type(config).__name__}; an object was expected.")
    return config


# Any, here and below: networks of two libraries that are not typed alike.
def mapped_network(kind: Any, folder: Path) -> Any:
    """Diffusers' network of a folder; None where its weights have older names, or lie otherwise."""
    weights = _weights(folder, DIFFUSERS_FILE)
    if not weights:
        return None
    with torch.device("meta"):
        network = kind.from_config(read_config(folder, "config.json"))
    return _filled(network, weights)


def mapped_encoder(kind: Any, folder: Path) -> Any:
    """Transformers' encoder of a folder, to be used for reading alone; None where the library has to read it.

    In the precision of its files, all of it: the library keeps some layers of T5 in float32 beside others in float16.
    """
    weights = _weights(folder, TRANSFORMERS_FILE)
    if not weights:
        return None
    config = kind.config_class.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        encoder = kind._from_config(config, attn_implementation="sdpa")
    wanted = encoder.state_dict()
    named = {_own_name(n, wanted): w for n, w in weights.items() if not n.endswith(_POSITIONS)}
    has_words = {_WORDS, _WORDS_AGAIN} <= wanted.keys()
    if has_words:
        words = named.get(_WORDS, named.get(_WORDS_AGAIN))
        named |= {} if words is None else {_WORDS: words, _WORDS_AGAIN: words}
    for module in encoder.modules():  # what no file needs to have
        if isinstance(module._buffers.get("position_ids"), Tensor):
            count = module._buffers["position_ids"].shape[-1]
            module.register_buffer("position_ids", torch.arange(count)[None], persistent=False)
    filled = _filled(encoder, named)
    if filled is not None and has_words:
        filled.set_input_embeddings(filled.shared)  # one table, not two alike
    return filled


def _weights(folder: Path, begin: str) -> dict[str, Tensor]:
    """Of all shards; of no variants, which have a point in their names."""
    files = sorted(folder.glob(f"{begin}*.safetensors"))
    weights: dict[str, Tensor] = {}
    for file in files:
        if "." not in file.stem:
            weights |= open_weights(file)
    return weights


def _own_name(name: str, wanted: dict[str, Any]) -> str:
    """A weight's name in the network, where it is there with a prefix or without."""
    others = (name, name.removeprefix(_INNER), _INNER + name)
    return next((each for each in others if each in wanted), name)


def _filled(network: nn.Module, weights: dict[str, Tensor]) -> Any:
    """The network with these weights; None where they are not all of its own."""
    try:
        network.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError:
        return None  # the library says what is wrong, or knows the names
    numbers = (*network.parameters(), *network.buffers())
    return None if any(number.is_meta for number in numbers) else network
