"""Which tensor of a file holds an embedding's vectors for a CLIP text encoder of Stable Diffusion 1 or 2."""

from __future__ import annotations

from collections.abc import Mapping

EMB_PARAMS = "emb_params"
"""AUTOMATIC1111's safetensors."""
CLIP_L = "clip_l"
"""The first of the two encoders of SDXL, which is that of Stable Diffusion 1."""
CLIP_G = "clip_g"
"""The second of them; Stable Diffusion 1 has none like it."""
STRING_TO_PARAM = "string_to_param."
"""AUTOMATIC1111's older layout, its nested names joined by a point: string_to_param.*"""


def vectors_key(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Name of the tensor, or None where the file is no embedding.

    Vectors are (V, D), or (D,) for a single one. diffusers writes one tensor under the token itself.
    """
    vectors = {name for name, shape in shapes.items() if len(shape) in (1, 2) and 0 not in shape}
    for name in (EMB_PARAMS, CLIP_L):
        if name in vectors:
            return name
    older = [name for name in vectors if name.startswith(STRING_TO_PARAM)]
    if len(older) == 1:
        return older[0]
    alone = len(shapes) == len(vectors) == 1 and CLIP_G not in vectors
    return next(iter(vectors)) if alone else None
