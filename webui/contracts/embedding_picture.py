"""Embeddings that AUTOMATIC1111 keeps in a picture: JSON in base64, in the text chunk `sd-ti-embedding`.

{"string_to_param": {"*": {"TORCHTENSOR": [[0.1, ...], ...]}}, "name": "chalk", ...}
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from PIL import Image

KEYWORD = "sd-ti-embedding"
MAX_VECTORS = 75
MAX_WIDTH = 8192


def vectors_in_picture(file: Path) -> list[list[float]] | None:
    """The vectors, all of one width; None where the picture holds no embedding.

    Raises:
        ValueError: it holds one that cannot be read; says why.
        OSError: the file is no picture, or is not there.
    """
    with Image.open(file, formats=("PNG",)) as image:
        text = image.info.get(KEYWORD)
    if not isinstance(text, str):
        return None
    try:
        # Any: parsed JSON.
        told: Any = json.loads(base64.b64decode(text, validate=True))
        (tensor,) = told["string_to_param"].values()
        vectors = [[float(number) for number in row] for row in tensor["TORCHTENSOR"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"the embedding in it cannot be read ({error!r})") from error
    widths = {len(row) for row in vectors}
    if not 0 < len(vectors) <= MAX_VECTORS or len(widths) != 1 or not 0 < max(widths) <= MAX_WIDTH:
        raise ValueError(
            f"the embedding in it has {len(vectors)} vectors of the widths {sorted(widths)[:4]}; "
            f"1 to {MAX_VECTORS} of one width were expected"
        )
    return vectors
