from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from webui.contracts.errors import BadImage
from webui.engine.pixels import (
    fit_image,
    open_class_numbers,
    open_depths,
    open_image,
    open_mask_image,
    size_of,
    to_pixels,
    to_tensor,
)


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


def test_a_picture_of_sixteen_bits_keeps_its_greys(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 32896, np.uint16)).save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png").getpixel((0, 0)) == (128, 128, 128)


def test_black_and_transparent_are_no_mask(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 1), (255, 255, 255, 0))
    image.putpixel((1, 0), (255, 255, 255, 255))
    image.putpixel((2, 0), (0, 0, 0, 255))
    image.save(tmp_path / "a.png")
    assert np.asarray(open_mask_image(tmp_path / "a.png")).tolist() == [[0, 255, 0]]


@pytest.mark.parametrize("mode", ["L", "P"])
def test_a_class_map_keeps_its_numbers_at_any_size(tmp_path: Path, mode: str) -> None:
    numbers = np.array([[3, 7], [0, 15]], np.uint8)
    image = Image.fromarray(numbers)
    if mode == "P":
        image.putpalette([9] * 768)
    image.save(tmp_path / "a.png")
    opened = fit_image(open_class_numbers(tmp_path / "a.png"), 8, 8, Image.Resampling.NEAREST)
    assert np.array_equal(np.asarray(opened), numbers.repeat(4, 0).repeat(4, 1))


def test_a_picture_of_colours_is_no_class_map(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(BadImage, match="mode 'RGB'; a PNG with one channel"):
        open_class_numbers(tmp_path / "a.png")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_depth_map_keeps_its_steps(tmp_path: Path, kind: type[np.uint8 | np.uint16]) -> None:
    depth = (np.arange(4, dtype=kind) + np.iinfo(kind).max - 3).reshape(2, 2)
    Image.fromarray(depth).save(tmp_path / "a.png")
    opened = open_depths(tmp_path / "a.png")
    assert np.array_equal(np.asarray(opened), depth.astype(np.float32))
    assert fit_image(opened, 8, 4, Image.Resampling.BILINEAR).size == (8, 4)


def test_a_coloured_depth_map_is_read_as_grey(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (90, 90, 90)).save(tmp_path / "a.png")
    assert np.asarray(open_depths(tmp_path / "a.png")).tolist() == [[90, 90], [90, 90]]


@pytest.mark.parametrize(("orientation", "size"), [(1, (6, 4)), (3, (6, 4)), (6, (4, 6))])
def test_the_size_of_a_file_is_that_of_the_upright_picture(
    tmp_path: Path, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", exif=exif)
    assert size_of(tmp_path / "a.jpg") == size == open_image(tmp_path / "a.jpg").size


def test_a_file_without_a_size_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(BadImage, match=r"'a\.png' cannot be read"):
        size_of(tmp_path / "a.png")
