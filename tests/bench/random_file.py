"""A checkpoint of any shapes whose numbers are random, written without ever being in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from tests.weights.files import write_sparse

BLOCK = 1 << 22
"""Numbers that are drawn; they are repeated."""


def write_random(file: Path, shapes: Mapping[str, Sequence[int]]) -> Path:
    """A safetensors file in half precision: scales of norms are 1, biases 0, all else small numbers."""
    write_sparse(file, shapes)
    drawn = np.random.default_rng(0).standard_normal(BLOCK, np.float32)
    noise = (0.02 * drawn).astype(np.float16).tobytes()
    with file.open("r+b") as stream:
        stream.seek(8 + int.from_bytes(stream.read(8), "little"))
        for name, shape in shapes.items():
            left = 2 * prod(shape)
            if len(shape) == 1 and name.endswith((".weight", ".bias")):
                scale = np.ones(1, np.float16).tobytes() if name.endswith("t") else bytes(2)
                stream.write(scale * (left // 2))
                continue
            while left:
                left -= stream.write(noise[:left])
    return file
