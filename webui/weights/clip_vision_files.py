"""CLIP's image encoders in files: transformers' layout, and the sizes that names and shapes tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

from webui.contracts.errors import BrokenModel, NotAModel

PREFIX = "vision_model."
PROJECTION = "visual_projection.weight"
_PATCHES = PREFIX + "embeddings.patch_embedding.weight"
_PLACES = PREFIX + "embeddings.position_embedding.weight"
_WIDE = PREFIX + "encoder.layers.{}.mlp.fc1.weight"
USUAL_HEADS = 16
"""Of each published encoder that an IP-Adapter was trained with; its shapes do not tell."""
SMALLEST_NEW = 1024
"""Width of what encoders of OpenCLIP say of a whole picture, at the least; OpenAI's say less."""


@dataclass(frozen=True)
class VisionShape:
    """Sizes of an image encoder."""

    width: int
    pooled_width: int
    patch: int
    """Pixels along the side of a patch."""
    side: int
    """Pixels along the side of the picture that it sees."""
    layers: int
    wide: int
    """Width within its layers."""

    @property
    def activation(self) -> str:
        """As transformers calls it, where no configuration does: OpenAI's encoders have a quick one."""
        return "gelu" if self.pooled_width >= SMALLEST_NEW else "quick_gelu"


def encoder_file(folder: Path) -> Path:
    """The weights in the folder of an image encoder: safetensors rather than torch's, the plain rather than a variant's.

    Raises:
        BrokenModel: there are none.
    """
    found = [
        file
        for ending in ("safetensors", "bin")
        for file in sorted(folder.glob(f"*.{ending}"), key=lambda f: (f.name.count("."), f.name))
    ]
    if not found:
        raise BrokenModel(f"{str(folder)!r} holds no weights: neither .safetensors nor .bin.")
    return found[0]


def vision_shape(shapes: Mapping[str, tuple[int, ...]]) -> VisionShape:
    """The sizes of an image encoder.

    Raises:
        NotAModel: it is none, or none that says something of a picture as a whole.
        BrokenModel: tensors are missing or of impossible shapes.
    """
    if _PATCHES not in shapes or PROJECTION not in shapes:
        raise NotAModel(
            f"It is no image encoder of CLIP as transformers saves it: {_PATCHES!r} and {PROJECTION!r} were expected."
        )
    layers = 0
    while _WIDE.format(layers) in shapes:
        layers += 1
    try:
        width, _, patch, _ = shapes[_PATCHES]
        return VisionShape(
            width=width, pooled_width=shapes[PROJECTION][0], patch=patch,
            side=isqrt(shapes[_PLACES][0] - 1) * patch, layers=layers,
            wide=shapes[_WIDE.format(0)][0],
        )  # fmt: skip
    except (KeyError, IndexError, ValueError) as error:
        raise BrokenModel(
            f"The image encoder is incomplete or of impossible shapes: {error}. Download it again."
        ) from error
