"""What a picture is made of, less of it: depth, normals, tiles, blur, grey, black and white."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from webui.contracts.preprocessor import Pixels, Values


def depth(image: Pixels, values: Values) -> Pixels:
    """A depth map stretched from black, which is far, to white; `invert` for maps that have it the other way."""
    far = _grey(image)
    least, most = float(far.min()), float(far.max())
    stretched = (far - least) / max(most - least, 1e-6)
    if values["invert"]:
        stretched = 1 - stretched
    return _in_three((stretched * 255).round())


def normals(image: Pixels, values: Values) -> Pixels:
    """Which way surfaces face, from a depth map (white is near): red right, green up, blue towards the eye."""
    near = _grey(image) / 255
    soft = cv2.GaussianBlur(near, (0, 0), max(values["softness"], 0.01))
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    facing = np.stack([-across, down, np.full_like(soft, 1 / values["strength"])], axis=2)
    unit = facing / np.linalg.norm(facing, axis=2, keepdims=True)
    return np.asarray(((unit + 1) * 127.5).round(), np.uint8)


def tile(image: Pixels, values: Values) -> Pixels:
    """The picture without its detail: made small and large again."""
    height, width = image.shape[:2]
    size = max(1, round(width / values["factor"])), max(1, round(height / values["factor"]))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def blur(image: Pixels, values: Values) -> Pixels:
    """The picture out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), values["sigma"]), np.uint8)


def grey(image: Pixels, values: Values) -> Pixels:
    """The picture's lightness alone (CIE Lab), for controlnets that colour it; `gamma` above 1 darkens."""
    light = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32) / 255
    return _in_three((light ** values["gamma"] * 255).round())


def threshold(image: Pixels, values: Values) -> Pixels:
    """White where a picture is brighter than a level; 0 finds the level itself (Otsu 1979)."""
    level = values["level"]
    kind = cv2.THRESH_BINARY | (0 if level else cv2.THRESH_OTSU)
    plain = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return _in_three(cv2.threshold(plain, level, 255, kind)[1])


def invert(image: Pixels, values: Values) -> Pixels:  # noqa: ARG001 - it has no settings
    """Dark lines on white become white ones on black."""
    return 255 - image


def _grey(image: Pixels) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def _in_three(plane: NDArray[np.generic]) -> Pixels:
    return np.repeat(plane.astype(np.uint8)[..., None], 3, axis=2)
