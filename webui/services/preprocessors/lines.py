"""Lines of a picture: hard edges, soft ones, drawn ones; white on black, as controlnets want them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from webui.contracts.preprocessor import Pixels, Values

Floats = NDArray[np.float32]


def canny(image: Pixels, values: Values) -> Pixels:
    """Edges of one pixel (Canny 1986): above `high`, and above `low` where they touch such."""
    edges = cv2.Canny(image, values["low"], values["high"])
    return _white_on_black(np.asarray(edges, np.uint8))


def scribble(image: Pixels, values: Values) -> Pixels:
    """Broad strokes where a picture is darker than its surroundings: difference of Gaussians (Winnemöller 2011)."""
    near, far = _blurred(image, 0.5), _blurred(image, 5.0)
    ink = (far - near).max(axis=2)
    return _white_on_black(np.where(ink > values["threshold"], 255, 0).astype(np.uint8))


def lineart(image: Pixels, values: Values) -> Pixels:
    """Thin lines that keep their strength: what is darker than its surroundings, its median brought to a half."""
    ink = (_blurred(image, values["width"]) - image).min(axis=2).clip(0, 255)
    strong = ink[ink > 8]
    middle = max(16.0, float(np.median(strong)) if strong.size else 16.0)
    return _white_on_black((ink / middle * 127).clip(0, 255).astype(np.uint8))


def soft_edges(image: Pixels, values: Values) -> Pixels:
    """How steeply brightness changes (Scharr), softened; the steepest hundredth is white."""
    plain = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    grey = _blurred(plain, values["softness"])
    steep = np.hypot(cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1))
    most = max(float(np.percentile(steep, 99)), 64.0)
    return _white_on_black((steep / most * 255).clip(0, 255).astype(np.uint8))


def _blurred(image: NDArray[np.uint8], sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma), np.float32)


def _white_on_black(lines: NDArray[np.uint8]) -> Pixels:
    return np.repeat(lines[..., None], 3, axis=2)
