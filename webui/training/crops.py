"""Crops of large pictures at all scales: what networks learn from that only look at textures.

A first stage and an upscaler see a small window. One picture of 512 pixels, shown at a random
scale first, gives windows on a leaf as well as on half a landscape.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from webui.training.examples import Source
from webui.training.runs import Pixels
from webui.training.showcase import unseen_examples


@dataclass(frozen=True)
class CropSettings:
    """Which windows of which pictures are cut."""

    picture_size: int = 512
    """Side of the pictures in pixels."""
    pictures: int = 2000
    """Distinct scenes drawn for a pool."""
    per_draw: int = 8
    """Pictures drawn a step; the crops of a batch are shared out among them."""
    scales: tuple[float, ...] = (1.0, 1.0, 0.75, 0.5)
    """The picture is shown at one of these sizes before it is cut."""


def draw_crops(
    source: Source, settings: CropSettings, side: int, count: int, rng: np.random.Generator
) -> Pixels:
    """`count` random windows, uint8 RGB (count, side, side, 3), half of them mirrored.

    A window larger than its picture at that scale is the whole picture at the nearest scale that
    fits; averaging over areas makes a picture smaller without moiré.
    """
    pictures = source.draw(settings.per_draw, rng).pictures
    return np.stack([_crop(pictures[i % len(pictures)], settings, side, rng) for i in range(count)])


def _crop(picture: Pixels, settings: CropSettings, side: int, rng: np.random.Generator) -> Pixels:
    scale = float(rng.choice(settings.scales))
    reach = min(round(side / scale), *picture.shape[:2])  # pixels of the picture that are seen
    top = int(rng.integers(picture.shape[0] - reach + 1))
    left = int(rng.integers(picture.shape[1] - reach + 1))
    window = np.ascontiguousarray(picture[top : top + reach, left : left + reach])
    if reach != side:
        how = cv2.INTER_AREA if reach > side else cv2.INTER_CUBIC
        window = np.asarray(cv2.resize(window, (side, side), interpolation=how), np.uint8)
    return window[:, ::-1] if rng.random() < 0.5 else window


def unseen_crops(settings: CropSettings, side: int, count: int) -> Pixels:
    """Always the same windows of scenes that no run has seen, (count, side, side, 3)."""
    pictures = unseen_examples(count, settings.picture_size).pictures
    rng = np.random.default_rng(0)
    return np.stack([_crop(picture, settings, side, rng) for picture in pictures])
