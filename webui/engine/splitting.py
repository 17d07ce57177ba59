"""A piece of work in parts, for when not even it alone fits the memory, and what they make together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from webui.engine.tiles import Window, cover
from webui.engine.work import Answer, DecodeLatent, EncodeImage, Predict, UpscalePixels, Work

LEAST = 32
"""Latent cells along a side of a picture that is still decoded or encoded in two windows."""
OVERLAP = 16
"""Latent cells that the two share: there the one fades into the other, so that no seam is seen."""


@dataclass(frozen=True)
class Split:
    """Smaller pieces of work, and how their answers become the whole one's."""

    parts: tuple[Work, ...]
    join: Callable[[Sequence[Answer]], Answer]
    """From an answer to each part; an exception among them is the answer to the whole."""


def split(work: Work) -> Split | None:
    """A work in two; None when it cannot be less.

    Rows of a prediction are split exactly. A picture is decoded or encoded in two windows along its
    longer side, which is close and not exact: the network's norms see only the window.
    """
    if isinstance(work, Predict):
        return _rows(work)
    if isinstance(work, DecodeLatent):
        return _decoded_in_windows(work)
    if isinstance(work, EncodeImage):
        return _encoded_in_windows(work)
    if isinstance(work, UpscalePixels):
        return _enlarged_in_windows(work)
    return None


def _rows(work: Predict) -> Split | None:
    rows = work.x.shape[0]
    if rows == 1:
        return None
    halves = [slice(0, rows // 2), slice(rows // 2, rows)]
    parts = [
        replace(
            work,
            x=work.x[half],
            tokens=None if work.tokens is None else work.tokens[half],
            pooled=None if work.pooled is None else work.pooled[half],
            sizes=None if work.sizes is None else work.sizes[half],
            perturbed=work.perturbed[half],
            negative=work.negative[half],
            reuse=None if work.reuse is None else work.reuse[half],
            places=work.places and replace(work.places, rows=work.places.rows[half]),
            keep=None,  # the next step is then whole too
        )
        for half in halves
    ]
    return Split(tuple(parts), _or_failure(torch.cat))


def _decoded_in_windows(work: DecodeLatent) -> Split | None:
    factor = work.model.checkpoint.latent_factor
    margin, latent = 0, work.latent
    if (
        work.tiling
    ):  # what lies beyond an edge is laid there: a window does not wrap round by itself
        margin = min(OVERLAP, *latent.shape[-2:])
        latent = functional.pad(latent, (margin,) * 4, mode="circular")
    windows = _windows(latent.shape[-2], latent.shape[-1])
    if not windows or max(work.latent.shape[-2:]) < LEAST:
        return None
    parts = [
        replace(
            work,
            latent=window.of(latent),
            width=window.width * factor,
            height=window.height * factor,
            tiling=False,
        )
        for window in windows
    ]
    top = margin * factor

    def join(answers: Sequence[Answer]) -> Answer:
        failed = [answer for answer in answers if isinstance(answer, Exception)]
        if failed:
            return failed[0]
        pictures = [torch.from_numpy(answer).permute(2, 0, 1).float() for answer in answers]
        whole = _faded(pictures, windows, factor)
        whole = whole[:, top : top + work.height, top : top + work.width]
        return np.ascontiguousarray(whole.round().to(torch.uint8).permute(1, 2, 0).numpy())

    return Split(tuple(parts), join)


def _encoded_in_windows(work: EncodeImage) -> Split | None:
    factor = work.model.checkpoint.latent_factor
    height, width = (side // factor for side in work.pixels.shape[-2:])
    windows = _windows(height, width)
    if not windows or (height * factor, width * factor) != tuple(work.pixels.shape[-2:]):
        return None
    parts = [replace(work, pixels=window.of(work.pixels, factor)) for window in windows]
    return Split(tuple(parts), _or_failure(lambda latents: _faded(latents, windows, 1)))


def _enlarged_in_windows(work: UpscalePixels) -> Split | None:
    windows = _windows(work.pixels.shape[-2], work.pixels.shape[-1])
    if not windows:
        return None
    parts = [replace(work, pixels=window.of(work.pixels).contiguous()) for window in windows]
    return Split(tuple(parts), _or_failure(lambda large: _faded(large, windows, work.net.scale)))


def _windows(height: int, width: int) -> list[Window]:
    """Two windows along the longer side; none where it is short."""
    longest = max(height, width)
    if longest < LEAST:
        return []
    half = -(-(longest + OVERLAP) // 2)
    tall = cover(height, 1, half, OVERLAP) if height == longest else cover(1, width, half, OVERLAP)
    if height == longest:
        return [replace(window, width=width) for window in tall]
    return [replace(window, height=height) for window in tall]


def _faded(parts: Sequence[Tensor], windows: Sequence[Window], scale: int) -> Tensor:
    """One (..., H, W) of windows (..., h, w), each counting less towards its edges."""
    height = max(w.top + w.height for w in windows) * scale
    width = max(w.left + w.width for w in windows) * scale
    total = parts[0].new_zeros(height, width)
    mean = parts[0].new_zeros(*parts[0].shape[:-2], height, width)
    for part, window in zip(parts, windows, strict=True):
        weights = window.weights(part.device, scale, OVERLAP)
        window.of(total, scale).add_(weights)
        window.of(mean, scale).add_(part * weights)
    return mean / total


def _or_failure(join: Callable[[list[Tensor]], Tensor]) -> Callable[[Sequence[Answer]], Answer]:
    def joined(answers: Sequence[Answer]) -> Answer:
        tensors = [answer for answer in answers if isinstance(answer, Tensor)]
        if len(tensors) < len(answers):
            return next(answer for answer in answers if not isinstance(answer, Tensor))
        return join(tensors)

    return joined
