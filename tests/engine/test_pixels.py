from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from webui.contracts.errors import BadImage
from webui.engine.pixels import fit_image, open_image, to_pixels, to_tensor


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "CMYK", "I;16"])
def test_every_mode_of_picture_opens_as_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    Image.new(mode, (3, 2)).save(path)
    assert open_image(path).mode == "RGB"


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear reader")
    with pytest.raises(BadImage, match=r"letter\.txt"):
        open_image(tmp_path / "letter.txt")


def test_fitting_keeps_the_middle_and_the_shapes() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    fitted = np.asarray(fit_image(image, 50, 50))
    assert fitted.shape == (50, 50, 3)
    assert (fitted[:, 3:-3] == (0, 0, 255)).all()


def test_there_and_back_is_the_same_picture() -> None:
    values = np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)
    tensor = to_tensor(Image.fromarray(values), 4)
    assert tensor.shape == (1, 3, 8, 8)
    assert np.array_equal(to_pixels(tensor[0], 6, 5), values)


def test_values_beyond_the_range_are_clamped() -> None:
    assert to_pixels(torch.tensor([[[-9.0]], [[0.0]], [[9.0]]]), 1, 1).tolist() == [[[0, 128, 255]]]
