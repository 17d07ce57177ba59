"""Stored greys of sixteen bits are read as pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from webui.contracts.pixels import eight_bits


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I"])
def test_sixteen_bit_greys_are_scaled_not_cut(mode: str) -> None:
    scaled = eight_bits(Image.new(mode, (2, 2), 128 * 256))
    assert (scaled.mode, scaled.getpixel((0, 0))) == ("L", 128)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_every_other_picture_stays_as_it_is(mode: str) -> None:
    image = Image.new(mode, (2, 2))
    assert eight_bits(image) is image
