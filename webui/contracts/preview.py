"""What is shown of a picture that is not finished: colours, which become a file only where somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

from PIL import Image

QUALITY = 70
"""Of the WebP, of 100."""


@dataclass(frozen=True)
class Preview:
    """Colours as the worker sends them, and the size at which they are shown.

    To make a file of them costs several times what it costs to make them, and the worker's time is that of
    everybody's steps: so it sends them bare, and whoever shows them has them encoded.
    """

    columns: int
    rows: int
    """Of the colours: often one for each cell of the latent."""
    width: int
    height: int
    """Pixels of the picture that is shown."""
    data: bytes
    """columns * rows * 3 bytes of RGB."""

    def image(self) -> Image.Image:
        """The picture of mode RGB, width by height.

        Raises:
            ValueError: there are more or fewer bytes than colours.
        """
        colours = Image.frombytes("RGB", (self.columns, self.rows), self.data)
        return colours.resize((self.width, self.height), Image.Resampling.BICUBIC)

    @cached_property
    def webp(self) -> bytes:
        """The picture's file, made when the first asks for it and kept for those who ask later."""
        stream = BytesIO()
        self.image().save(stream, "WEBP", quality=QUALITY, method=0)
        return stream.getvalue()
