"""The weights of a prompt's places, laid on what a text encoder makes of them."""

from __future__ import annotations

import torch
from torch import Tensor

from webui.prompt.tokens import TokenChunks

SILENT = 5e-4
"""A mean this small against the root mean square says nothing of a row's size."""


def emphasised(encoded: Tensor, chunks: TokenChunks, *, keep_mean: bool = True) -> Tensor:
    """Encodings (chunks, L, D), each place times its weight.

    AUTOMATIC1111's emphasis 'Original' (z * w * mean(z) / mean(z * w), of each row by itself) keeps the
    mean, and 'No norm' (z * w) does not. Where a row's mean is all but 0 it is left alone.
    """
    if chunks.is_plain:
        return encoded
    weights = torch.tensor(chunks.weights, device=encoded.device)[..., None]  # (chunks, L, 1)
    weighed = encoded * weights
    if not keep_mean:
        return weighed
    before, after = (z.mean((1, 2), keepdim=True) for z in (encoded, weighed))
    size = weighed.square().mean((1, 2), keepdim=True).sqrt()
    telling = (after.abs() > SILENT * size) & (before.abs() > SILENT * size)
    return weighed * torch.where(telling, before / after, torch.ones_like(before))
