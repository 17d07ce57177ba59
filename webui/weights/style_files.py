"""Style adapters of T2I-Adapter (t2iadapter_style_sd14v1): a small transformer over what CLIP sees, by its names and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.errors import BrokenModel

_MARKS = ("style_embedding", "ln_pre.weight", "proj")
LAYERS = "transformer_layes.{}."
"""As the published file spells it."""


@dataclass(frozen=True)
class StyleShape:
    """Sizes of a style adapter."""

    width: int
    """Of itself, and of each token of an image encoder's last layer."""
    tokens: int
    """How many it says of a picture."""
    text_width: int
    layers: int


def is_style_adapter(names: Mapping[str, object]) -> bool:
    """Whether a file of these names is one."""
    return all(mark in names for mark in _MARKS)


def style_shape(shapes: Mapping[str, tuple[int, ...]]) -> StyleShape:
    """The sizes of a file of which `is_style_adapter` is true.

    Raises:
        BrokenModel: tensors are missing or of impossible shapes.
    """
    layers = 0
    while LAYERS.format(layers) + "attn.in_proj_weight" in shapes:
        layers += 1
    try:
        _, tokens, width = shapes["style_embedding"]
        own, text = shapes["proj"]
        if own != width or not layers:
            raise ValueError(f"{layers} layers of width {width} and a projection from {own}")
    except ValueError as error:
        raise BrokenModel(
            f"The style adapter is incomplete or of impossible shapes: {error}. Download it again."
        ) from error
    return StyleShape(width, tokens, text, layers)
