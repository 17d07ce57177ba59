"""What a large picture takes over from the small one that it was drawn from: its broad colours."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from webui.engine.work import Pixels

SOFTNESS = (0.25, 5.0)
"""Least and greatest standard deviation, in pixels of the small picture, of the blur of what is taken over."""
DOUBTFUL, STEEPNESS = 0.64, 8.4
"""The disagreement at which the blur is one pixel, and the power that it grows with beyond. Fitted on 44
scenes, half of them spoiled, for the starter's upscaler: with a softness of 0.5 for all of them plain pictures came
to 40.7 dB and spoiled ones to 31.5; so, to 41.0 and 33.1, and with the best softness of each to 41.0 and 33.4."""
ROUNDING = 0.5
"""Disagreement in steps of 8 bits that means nothing."""


def with_colours_of(
    small: Tensor, picture: Pixels, factor: int, softness: float | None = None, doubt: float = 0.0
) -> Pixels:
    """The picture, its broad colours those of the small one; details stay as they were drawn.

    A first stage that rounds to a codebook, and a sampler, are a little wrong in colour everywhere,
    which costs an enlarged picture more fidelity than it gains in its edges. What the picture is
    wrong by when it is made small again is blurred, enlarged and taken off: the back-projection of
    Irani and Peleg 1991, softened as in StableSR's colour correction (Wang et al. 2023) so that noise
    and blocks of the small picture do not come back. How soft follows from `disagreement`.

    Args:
        small: (1, 3, h, w) in [-1, 1]; may be larger than the picture needs, at its right and bottom.
        picture: uint8 (H, W, 3), at most as large as `small` enlarged.
        factor: How many times it is enlarged.
        softness: Of the blur; 0 takes over every pixel of the small picture. None measures it.
        doubt: Added to the softness that is measured.
    """
    height, width = picture.shape[:2]
    rows, columns = -(-height // factor), -(-width // factor)
    made = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    whole = functional.pad(
        made, (0, columns * factor - width, 0, rows * factor - height), mode="replicate"
    )
    shrunk = functional.avg_pool2d(whole, factor)  # (1, 3, rows, columns)
    wrong = small[..., :rows, :columns].float().cpu() * 127.5 + 127.5 - shrunk
    if softness is None:
        least, most = SOFTNESS
        softness = (
            min(max((disagreement(wrong, shrunk) / DOUBTFUL) ** STEEPNESS, least), most) + doubt
        )
    wrong = functional.interpolate(
        _blurred(wrong, softness), scale_factor=factor, mode="bicubic", align_corners=False
    )
    right = (made + wrong[..., :height, :width]).round().clamp(0, 255).to(torch.uint8)
    pixels: Pixels = right[0].permute(1, 2, 0).contiguous().numpy()
    return pixels


def disagreement(wrong: Tensor, shrunk: Tensor) -> float:
    """How badly a drawn picture, made small again, explains the finest detail of the one it was drawn from.

    Near 0 where it is that picture shrunk plainly, which is to be believed to the pixel; about 1 where
    that one is blurred (it has none of the detail that was drawn), more where it is noisy.

    Args:
        wrong: The small picture less `shrunk`, in steps of 8 bits, (1, 3, h, w).
        shrunk: The drawn picture made small, likewise.
    """
    return _finest(wrong) / max(_finest(shrunk), ROUNDING)


def _finest(values: Tensor) -> float:
    """Root mean square of what changes from each pixel to the next along both axes, of (1, 3, h, w)."""
    across = values[..., 1:] - values[..., :-1]
    both = (across[..., 1:, :] - across[..., :-1, :]) / 2
    return float(both.square().mean().sqrt()) if both.numel() else 0.0


def _blurred(values: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur of (1, 3, h, w), its edge repeated."""
    if deviation <= 0:
        return values
    reach = int(np.ceil(3 * deviation))
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (places / deviation).square())
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(values, (reach, reach, reach, reach), mode="replicate")
    across = functional.conv2d(padded, kernel, groups=3)
    return functional.conv2d(across, kernel.transpose(2, 3), groups=3)
