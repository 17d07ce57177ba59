"""Measures of pictures and class maps, each as its paper defines it, on NumPy arrays.

Pictures are uint8 RGB, (N, H, W, 3); class maps uint8, (N, H, W).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from webui.training.runs import Pixels

ClassMap = NDArray[np.uint8]
Features = NDArray[np.float64]


def psnr_db(made: Pixels, wanted: Pixels) -> float:
    """Peak signal-to-noise ratio in decibels, mean over the pictures; infinite where all are equal."""
    error = (made.astype(np.float64) - wanted.astype(np.float64)) ** 2
    of_each = error.mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return float((10 * np.log10(255.0**2 / of_each)).mean())


def ssim(made: Pixels, wanted: Pixels) -> float:
    """Structural similarity (Wang et al. 2004) of the luma, mean over the pictures; 1 when equal.

    A Gaussian window of 11 pixels and sigma 1.5, K1 = 0.01 and K2 = 0.03, as in the paper.
    """
    return float(np.mean([_ssim(_luma(a), _luma(b)) for a, b in zip(made, wanted, strict=True)]))


def _luma(picture: Pixels) -> NDArray[np.float64]:
    weights = np.array([0.299, 0.587, 0.114])
    luma: NDArray[np.float64] = picture.astype(np.float64) @ weights
    return luma


def _ssim(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float64)
        return blurred[5:-5, 5:-5]  # whole windows only

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    likeness = (2 * mx * my + c1) * (2 * vxy + c2)
    return float((likeness / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean())


def frechet_distance(made: Features, wanted: Features) -> float:
    """Frechet distance of two crowds of features (N, F), taken as Gaussians (Heusel et al. 2017).

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The square root's trace is that of the symmetric
    C1^(1/2) C2 C1^(1/2), whose eigenvalues are the same and real.
    """
    means = made.mean(axis=0) - wanted.mean(axis=0)
    one, other = np.cov(made, rowvar=False), np.cov(wanted, rowvar=False)
    one, other = np.atleast_2d(one), np.atleast_2d(other)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(min=0)).sum()
    distance = means @ means + np.trace(one) + np.trace(other) - 2 * shared
    return max(0.0, float(distance))


def class_iou(made: ClassMap, wanted: ClassMap, classes: int) -> NDArray[np.float64]:
    """Intersection over union of each class over all pixels (classes,); NaN where in neither."""
    pairs = wanted.astype(np.int64).ravel() * classes + made.ravel()
    table = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    both = np.diag(table).astype(np.float64)
    either = table.sum(axis=0) + table.sum(axis=1) - both
    share: NDArray[np.float64] = np.where(either > 0, both / np.maximum(either, 1), np.nan)
    return share


def mean_iou(made: ClassMap, wanted: ClassMap, classes: int) -> float:
    """Mean over the classes that occur of their intersection over union over all pixels."""
    return float(np.nanmean(class_iou(made, wanted, classes)))


def edge_f1(made: Pixels, wanted: Pixels, slack: int = 1) -> float:
    """F1 of edge pixels over all pictures (edge maps, (N, H, W), an edge where above 127).

    An edge pixel is found where the other map has one within `slack` pixels (boundary recall and
    precision as Martin et al. 2004 have them, with a fixed small tolerance). 1 when both are empty.
    """
    kernel = np.ones((2 * slack + 1, 2 * slack + 1), np.uint8)
    hits = np.zeros(4)
    for one, other in zip(made > 127, wanted > 127, strict=True):
        near_one = cv2.dilate(one.astype(np.uint8), kernel) > 0
        near_other = cv2.dilate(other.astype(np.uint8), kernel) > 0
        hits += ((one & near_other).sum(), one.sum(), (other & near_one).sum(), other.sum())
    if hits[1] + hits[3] == 0:
        return 1.0
    precision, recall = hits[0] / max(1, hits[1]), hits[2] / max(1, hits[3])
    return float(2 * precision * recall / max(1e-12, precision + recall))
