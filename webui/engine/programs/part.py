"""The rectangle of a picture that is drawn, and how what lies beside the picture is cut to it.

Control pictures, their masks and class maps belong to the whole picture. Where only a part of it is drawn, or it is drawn
on beyond its sides, they are cut and grow as the picture does, as AUTOMATIC1111's ControlNet cuts its input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from webui.contracts.frame import Frame
from webui.contracts.parameters.start_image import RESIZE_AND_FILL
from webui.engine.pixels import fit_image
from webui.engine.programs.outpaint import in_frame, mirrored_beyond
from webui.engine.programs.start_image import resized

Fit = Callable[[Image.Image, int, int, Image.Resampling], Image.Image]
"""Brings an image to a width and height."""


@dataclass(frozen=True)
class Part:
    """Which part of a picture is drawn, and how large."""

    frame: Frame
    """The picture, and what is drawn beyond its sides."""
    box: tuple[int, int, int, int]
    """Left, top, right and bottom of what is drawn, in pixels of the picture with its frame."""
    size: tuple[int, int]
    """Width and height that it is drawn at."""

    def has_all(self, image: Image.Image) -> bool:
        """Whether an image shows the frame too: whether it has the size of the picture with it."""
        return image.size == self.frame.size

    def reaches_beyond(self, image: Image.Image) -> bool:
        """Whether the frame is there and an image shows nothing of it."""
        return self.frame.size != self.frame.picture and not self.has_all(image)

    def cut(
        self, image: Image.Image, resampling: Image.Resampling, fit: Fit = fit_image
    ) -> Image.Image:
        """What an image that belongs to the picture shows of the part, at the drawn size.

        One of another size than the picture with its frame is brought to the picture's by `fit`, and mirrored beyond
        its sides.
        """
        if not self.has_all(image):
            image = mirrored_beyond(fit(image, *self.frame.picture, resampling), self.frame)
        return self.cut_whole(image, resampling)

    def cut_mask(self, mask: Image.Image, fit: Fit = fit_image) -> Image.Image:
        """The same of a grey mask, which has nothing beyond the picture's sides."""
        if not self.has_all(mask):
            fitted = fit(mask, *self.frame.picture, Image.Resampling.BOX)
            mask = Image.fromarray(in_frame(np.asarray(fitted), self.frame))
        return self.cut_whole(mask, Image.Resampling.BOX)

    def cut_whole(self, image: Image.Image, resampling: Image.Resampling) -> Image.Image:
        """The part of an image of the picture with its frame."""
        return resized(image.crop(self.box), *self.size, RESIZE_AND_FILL, resampling)
