"""TAESD (github.com/madebyollin/taesd), a first stage of a few megabytes: its files' layouts, and whose latents it knows.

The original keeps encoder and decoder in files of their own, tensors named by their place in a row of layers
(`1.weight`); merged files have `encoder.` and `decoder.` or `taesd_encoder.` and `taesd_decoder.` before that;
diffusers has `encoder.layers.`. The original's decoder begins with a clamp that has no weights, which diffusers
does not count as a layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ENCODER, DECODER = "encoder", "decoder"
_PLACES = {
    ENCODER: ("encoder.layers.{}", "taesd_encoder.{}", "encoder.{}", "{}"),
    DECODER: ("decoder.layers.{}", "taesd_decoder.{}", "decoder.{}", "{}"),
}
"""How the layers of each side may be named, `{}` the place; the first is diffusers'."""
_XL, _THIRD, _FLUX, _OTHER = "taesdxl", "taesd3", "taef1", "taef2"


def taesd_names(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Diffusers' name to the file's, of the sides that it has; empty where it is no TAESD."""
    names: dict[str, str] = {}
    for side, patterns in _PLACES.items():
        for pattern in patterns:
            clamp = int(side == DECODER and pattern != patterns[0])
            if not _begins(shapes, side, pattern, clamp):
                continue
            matcher = re.compile(re.escape(pattern).replace(r"\{\}", r"(\d+)") + r"\.(.+)")
            for name in shapes:
                if found := matcher.fullmatch(name):
                    names[f"{side}.layers.{int(found[1]) - clamp}.{found[2]}"] = name
            break
    return names


def latent_channels(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Of the latents that a decoder reads; 0 where there is no decoder of TAESD."""
    first = taesd_names(shapes).get(f"{DECODER}.layers.0.weight")
    return 0 if first is None else shapes[first][1]


def base_of(name: str, channels: int) -> str:
    """Whose latents it knows: nothing but names tells, of the file or of the folder that it lies in."""
    said = name.lower().replace("_", "").replace("-", "")
    if channels == 16:
        return "FLUX" if _FLUX in said else "SD 3" if _THIRD in said else ""
    if channels == 4 and _OTHER not in said:
        return "SDXL" if _XL in said else "SD 1"
    return ""


def encoder_beside(file: Path) -> Path | None:
    """The encoder's file that belongs to a decoder's; None where there is none."""
    name = file.name.replace(DECODER, ENCODER)
    encoder = file.with_name(name)
    return encoder if name != file.name and encoder.is_file() else None


def _begins(shapes: Mapping[str, tuple[int, ...]], side: str, pattern: str, clamp: int) -> bool:
    """Whether the first layer of a side is there: from three colours, or from latents."""
    first = shapes.get(pattern.format(clamp) + ".weight", ())
    block = pattern.format((1 if side == ENCODER else 2) + clamp) + ".conv.0.weight"
    if len(first) != 4 or block not in shapes:
        return False
    return first[1] == 3 if side == ENCODER else first[1] != 3
