"""What a picture's file says of how it was made: written for others, and read back."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from webui.contracts.errors import InvalidField
from webui.contracts.infotext import KEYS
from webui.contracts.infotext_reading import ToldRequest, read_infotext
from webui.contracts.request import parse_request
from webui.services.picture_texts import texts_in

READABLE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What Pillow may try on a file from outside; formats that start other programs are not in it."""
DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
"""What Pillow is known to raise on a damaged file."""


def read_metadata(source: bytes | Path) -> ToldRequest | None:
    """How a picture was made: from our JSON, else from a `parameters` text.

    None when the file holds neither, or is no picture.
    """
    texts = read_texts(source)
    if (written := texts.get("easel")) is not None:
        try:
            said = json.loads(written)
            keys = said.pop(KEYS, {}) if isinstance(said, dict) else {}
            return ToldRequest(parse_request(said), others=_texts_in(keys), exact=True)
        except (ValueError, InvalidField, RecursionError):
            pass  # of a newer or older Easel: the other text still tells most of it
    parameters = texts.get("parameters")
    return None if parameters is None else read_infotext(parameters)


def _texts_in(keys: object) -> Mapping[str, str]:
    pairs = keys.items() if isinstance(keys, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def read_texts(source: bytes | Path) -> Mapping[str, str]:
    """All texts in a picture's file by keyword, an Exif comment as `parameters`; none in no picture."""
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=READABLE_FORMATS
        ) as image:
            return _texts(image)
    except DECODING_ERRORS:
        return {}


def _texts(image: Image.Image) -> dict[str, str]:
    texts = {k: v for k, v in image.info.items() if isinstance(k, str) and isinstance(v, str)}
    if image.format == "PNG" and "parameters" not in texts and "easel" not in texts:
        image.load()  # texts may also come after the pixels
        texts = {k: v for k, v in image.info.items() if isinstance(k, str) and isinstance(v, str)}
    try:
        return {**texts_in(image), **texts}
    except DECODING_ERRORS:
        return texts  # what else stands there is damaged
