"""Small, spoiled pictures of sharp ones: what an upscaler learns to undo.

LDM-SR was taught on plain bicubic pictures and failed on all others, so LDM-BSR mixes degradations
as BSRGAN does (Zhang et al. 2021): blur, noise, JPEG and the step down in random order, each of a
random kind and strength. This is that pipeline in small; half of the pictures stay plain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.training.runs import Pixels

RESIZES = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}
"""Ways to make a picture smaller, from soft to jagged; all but the last average (no aliasing)."""


@dataclass(frozen=True)
class DegradationSettings:
    """How often and how badly pictures are spoiled."""

    plain: float = 0.5
    """Share of pictures that are only made smaller, by bicubic or area."""
    each: float = 0.6
    """Chance of each of blur, noise and JPEG for the others."""
    blur: tuple[float, float] = (0.4, 2.4)
    """Standard deviation of the Gaussian along each axis, in pixels of the large picture."""
    noise: float = 15.0
    """Greatest standard deviation of the noise, in steps of 8 bits: some 6 %."""
    jpeg: tuple[int, int] = (50, 95)
    """Range of the quality."""


def degrade(
    picture: Pixels, factor: int, settings: DegradationSettings, rng: np.random.Generator
) -> Pixels:
    """A spoiled uint8 picture (H / factor, W / factor, 3) of a sharp one (H, W, 3)."""
    if rng.random() < settings.plain:
        return shrink(picture, factor, "bicubic" if rng.random() < 0.5 else "area")
    spoilers: list[Callable[[Pixels], Pixels]] = [
        partial(blur, rng=rng, strength=settings.blur),
        partial(add_noise, rng=rng, strongest=settings.noise),
        partial(through_jpeg, rng=rng, quality=settings.jpeg),
    ]
    steps = [spoiler for spoiler in spoilers if rng.random() < settings.each]
    steps.append(partial(shrink, factor=factor, how=str(rng.choice(list(RESIZES)))))
    for i in rng.permutation(len(steps)):
        picture = steps[i](picture)
    return picture


def shrink(picture: Pixels, factor: int, how: str) -> Pixels:
    """A smaller uint8 picture by one of `RESIZES`."""
    height, width = picture.shape[:2]
    size = (width // factor, height // factor)
    return np.asarray(Image.fromarray(picture).resize(size, RESIZES[how]), np.uint8)


def enlarge(picture: Pixels, factor: int) -> Pixels:
    """Bicubic enlargement: what an upscaler is measured against."""
    height, width = picture.shape[:2]
    size = (width * factor, height * factor)
    return np.asarray(Image.fromarray(picture).resize(size, RESIZES["bicubic"]), np.uint8)


def blur(picture: Pixels, rng: np.random.Generator, strength: tuple[float, float]) -> Pixels:
    """A Gaussian blur; for half of the pictures longer along one slanted axis."""
    first = float(rng.uniform(*strength))
    second, angle = first, 0.0
    if rng.random() < 0.5:
        second, angle = float(rng.uniform(*strength)), float(rng.uniform(0, np.pi))
    kernel = gaussian_kernel(first, second, angle)
    soft = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(soft, np.uint8)


def gaussian_kernel(first: float, second: float, angle: float) -> NDArray[np.float32]:
    """A normalised Gaussian of two standard deviations in pixels, turned by `angle` radians."""
    reach = int(np.ceil(3 * max(first, second)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((along / first) ** 2 + (across / second) ** 2))
    return np.asarray(kernel / kernel.sum(), np.float32)


def add_noise(picture: Pixels, rng: np.random.Generator, strongest: float) -> Pixels:
    """Gaussian noise of a random strength, the same on all channels for a third of the pictures."""
    spread = rng.uniform(0, strongest)
    channels = 1 if rng.random() < 1 / 3 else 3
    noise = rng.standard_normal((*picture.shape[:2], channels), np.float32)
    return np.clip(np.round(picture + noise * np.float32(spread)), 0, 255).astype(np.uint8)


def through_jpeg(picture: Pixels, rng: np.random.Generator, quality: tuple[int, int]) -> Pixels:
    """The picture as it is after JPEG of a random quality, blocks and all."""
    chosen = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(quality[0], quality[1] + 1))]
    coded = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), chosen)[1]
    read = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(read[..., ::-1])
