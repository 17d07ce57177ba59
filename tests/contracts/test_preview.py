from __future__ import annotations

import io

import pytest
from PIL import Image

from webui.contracts.preview import Preview


def test_colours_are_stretched_to_the_size_that_is_shown() -> None:
    shown = Preview(2, 1, 16, 8, b"\xff\0\0" + b"\0\0\xff").image()
    assert (shown.mode, shown.size) == ("RGB", (16, 8))
    assert shown.getpixel((0, 4)) == (255, 0, 0)
    assert shown.getpixel((15, 4)) == (0, 0, 255)


def test_its_file_is_a_webp_that_is_made_once() -> None:
    preview = Preview(1, 1, 8, 4, bytes([200, 100, 50]))
    with Image.open(io.BytesIO(preview.webp)) as image:
        assert (image.format, image.size) == ("WEBP", (8, 4))
    assert preview.webp is preview.webp


def test_too_few_colours_are_an_error() -> None:
    with pytest.raises(ValueError, match="not enough image data"):
        Preview(2, 1, 8, 4, b"abc").image()
