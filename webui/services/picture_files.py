"""A finished picture as the bytes of a file: PNG, JPEG or WebP, with all its texts."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.contracts.drafts import TextChunk
from webui.contracts.preferences import PictureFormat
from webui.services.picture_texts import MOST_EXIF, exif_of, segments_of

FORMATS = ("PNG", "JPEG", "WEBP")
"""What Pillow may read a kept picture as."""
ENDINGS: Mapping[PictureFormat, str] = {"PNG": "png", "WebP": "webp", "JPEG": "jpg"}
MEDIA_TYPES: Mapping[str, str] = {
    ".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg",
}  # fmt: skip
"""By the file's ending."""
LARGEST_SIDE: Mapping[PictureFormat, int] = {"PNG": 2**31 - 1, "WebP": 16383, "JPEG": 65500}
"""Pixels that a format can hold along a side."""


def format_for(wanted: PictureFormat, size: tuple[int, int]) -> PictureFormat:
    """The format, or PNG for a picture that is too large for it."""
    return wanted if max(size) <= LARGEST_SIDE[wanted] else "PNG"


def thumbnail(picture: Path, side: int) -> bytes:
    """A kept picture as WebP, its longer side at most `side` pixels.

    Raises:
        OSError: it cannot be read, or is of another format.
    """
    with Image.open(picture, formats=FORMATS) as image:
        small = image.convert("RGB")
        small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=85)
    return out.getvalue()


def encoded(
    rgb: bytes, size: tuple[int, int], texts: Sequence[TextChunk], kind: PictureFormat, quality: int
) -> bytes:
    """The file of a picture."""
    image, out = Image.frombytes("RGB", size, rgb), io.BytesIO()
    if kind == "PNG":
        info = PngInfo()
        for chunk in texts:
            info.add_text(chunk.keyword, chunk.text)
        image.save(out, "PNG", pnginfo=info, compress_level=4)
        return out.getvalue()
    if kind == "JPEG":
        # 4:4:4: half the colours would blur what was drawn sharp.
        image.save(
            out, "JPEG", quality=quality, subsampling=0, exif=exif_of(texts, MOST_EXIF), extra=segments_of(texts)
        )  # fmt: skip
    else:
        lossless = quality == 100
        image.save(out, "WEBP", quality=quality, lossless=lossless, exif=exif_of(texts))
    return out.getvalue()
