"""Uploaded images, stored once under the hash of their bytes.

Values that may mean something are kept: a grey picture stays grey, with 8 or 16 bits, for it may be
a depth map or a mask; a palette PNG keeps its numbers, for it may be a map of classes.
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from webui.contracts.errors import BadImage, NotFound
from webui.contracts.ids import ImageId
from webui.contracts.pixels import eight_bits
from webui.services.files import write_file
from webui.services.metadata import DECODING_ERRORS, READABLE_FORMATS

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 50_000_000

_ID = re.compile(r"[0-9a-f]{64}")


class ImageStore:
    """Images by content: equal bytes have one id and one file, a PNG without foreign metadata."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> ImageId:
        """Check and keep an image; it is on disk when this returns.

        Of an animation the first frame is kept; a turned photograph is set upright.

        Raises:
            BadImage: it is no picture, damaged, or too large. Nothing was stored.
        """
        if len(data) > MAX_BYTES:
            raise BadImage(
                f"The image has {len(data) / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are taken. "
                "Save it smaller or as JPEG."
            )
        image_id = ImageId(hashlib.sha256(data).hexdigest())
        target = self._file(image_id)
        if not target.exists():
            write_file(target, _as_png(data), partial=self._folder)
        return image_id

    def path(self, image_id: ImageId) -> Path:
        """The stored file.

        Raises:
            NotFound: no such image.
        """
        file = self._file(image_id)
        if not _ID.fullmatch(image_id) or not file.is_file():
            raise NotFound("image", image_id)
        return file

    def size(self, image_id: ImageId) -> tuple[int, int]:
        """Width and height in pixels.

        Raises:
            NotFound: no such image.
        """
        with Image.open(self.path(image_id), formats=("PNG",)) as image:
            return image.size

    def values(self, image_id: ImageId) -> tuple[int, ...] | None:
        """The numbers in a picture of single numbers, ascending; None of a coloured one.

        Raises:
            NotFound: no such image.
        """
        with Image.open(self.path(image_id), formats=("PNG",)) as image:
            if image.mode not in ("L", "P"):
                return None
            return tuple(value for value, pixels in enumerate(image.histogram()) if pixels)

    def brightness(self, image_id: ImageId) -> tuple[int, int]:
        """The least and the greatest brightness, 0 to 255, over black where it is see-through.

        Raises:
            NotFound: no such image.
        """
        with Image.open(self.path(image_id), formats=("PNG",)) as image:
            upright = eight_bits(image).convert("RGBA")
        behind = Image.new("RGBA", upright.size, "black")
        least, greatest = Image.alpha_composite(behind, upright).convert("L").getextrema()
        return int(least), int(greatest)  # type: ignore[arg-type]  # of one channel they are numbers

    def _file(self, image_id: ImageId) -> Path:
        return self._folder / f"{image_id}.png"


def _as_png(data: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=READABLE_FORMATS) as image:
            # Known from the header: nothing has been decoded yet.
            if image.width * image.height > MAX_PIXELS:
                raise _too_large(f"{image.width} x {image.height} pixels")
            pixels = ImageOps.exif_transpose(_kept_mode(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large("far too many pixels") from error
    except BadImage:
        raise
    except DECODING_ERRORS as error:
        raise BadImage(
            f"The file is no picture that can be read ({_reason(error)}). Taken are PNG, JPEG, "
            "WebP, GIF, BMP and TIFF."
        ) from error
    clean = pixels.copy()
    clean.info = {}  # foreign metadata
    if "transparency" in pixels.info:
        clean.info["transparency"] = pixels.info["transparency"]
    out = io.BytesIO()
    clean.save(out, "PNG", compress_level=4)
    return out.getvalue()


def _reason(error: Exception) -> str:
    """Pillow's, but for where it names its own object."""
    if isinstance(error, UnidentifiedImageError):
        return "its format is none that is known"
    return str(error) or type(error).__name__


def _kept_mode(image: Image.Image) -> Image.Image:
    """The picture as RGB, RGBA, L or I;16; or P where a PNG is of that mode."""
    if image.mode in ("L", "I;16") or (image.mode == "P" and image.format == "PNG"):
        return image
    if image.mode.startswith("I;16"):
        return image.convert("I").convert("I;16")
    plain = eight_bits(image)
    if plain.mode in ("1", "L"):
        return plain.convert("L")
    transparent = "A" in plain.getbands() or "transparency" in plain.info
    return plain.convert("RGBA" if transparent else "RGB")


def _too_large(size: str) -> BadImage:
    return BadImage(
        f"The image has {size}; at most {MAX_PIXELS // 10**6} megapixels are taken. Scale it down first."
    )
