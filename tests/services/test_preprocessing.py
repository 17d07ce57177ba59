from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from webui.contracts.errors import BadImage, InvalidField
from webui.contracts.ids import ImageId
from webui.contracts.palette import KNOWN
from webui.services.images import ImageStore
from webui.services.preprocessing import MOST, preprocess
from webui.services.preprocessors import PREPROCESSORS


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path)


def put(images: ImageStore, picture: Image.Image) -> ImageId:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return images.put(out.getvalue())


def made(images: ImageStore, image: ImageId, name: str, **settings: float) -> np.ndarray:  # type: ignore[type-arg]
    with Image.open(images.path(preprocess(images, image, name, settings))) as picture:
        return np.asarray(picture.convert("RGB")).copy()


def test_every_preprocessor_keeps_the_size(images: ImageStore) -> None:
    image = put(images, Image.effect_noise((48, 32), 60))
    for each in PREPROCESSORS:
        assert made(images, image, each.name).shape == (32, 48, 3)


def test_a_transparent_picture_stands_before_white(images: ImageStore) -> None:
    image = put(images, Image.new("RGBA", (8, 8), (255, 0, 0, 0)))
    assert made(images, image, "invert").max() == 0


def test_a_huge_picture_is_made_smaller(images: ImageStore) -> None:
    image = put(images, Image.new("L", (MOST * 2, 64), 200))
    assert made(images, image, "invert").shape == (32, MOST, 3)


def test_a_class_map_keeps_its_numbers_and_gets_their_colours(images: ImageStore) -> None:
    numbers = np.zeros((8, 8), np.uint8)
    numbers[:, 4:] = list(KNOWN).index("water")
    picture = made(images, put(images, Image.fromarray(numbers)), "class colours")
    assert tuple(picture[0, 0]) == KNOWN["sky"]
    assert tuple(picture[0, 7]) == KNOWN["water"]
    with pytest.raises(BadImage, match="of mode 'RGB'"):
        made(images, put(images, Image.new("RGB", (8, 8))), "class colours")


def test_a_setting_that_does_not_exist_is_named(images: ImageStore) -> None:
    image = put(images, Image.new("L", (8, 8)))
    with pytest.raises(InvalidField, match=r"settings\.size is 3.0, expected one of low, high"):
        made(images, image, "canny", size=3.0)
    with pytest.raises(InvalidField, match="expected one of canny, softedge"):
        made(images, image, "magic")
