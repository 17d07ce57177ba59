"""What was seen in a photograph gets the classes that one paints with: by name, else by colour."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from webui.contracts.palette import KNOWN
from webui.services.images import ImageStore
from webui.services.named_maps import keep_named_map, renamed

GREY = np.full((2, 2, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("told", "painted"),
    [
        ("sky", "sky"),
        ("sky-other", "sky"),
        ("Sea", "water"),
        ("building, edifice", "house"),
        ("mountain, mount", "mountain"),
        ("water-other", "water"),
        ("grass", "meadow"),
    ],
)
def test_a_name_finds_its_class(told: str, painted: str) -> None:
    numbers = renamed(np.zeros((2, 2), np.uint8), GREY, [told], KNOWN)
    assert [*KNOWN][numbers[0, 0]] == painted


def test_what_has_no_name_here_has_the_nearest_colour() -> None:
    seen = np.array([[0, 0, 1]], np.uint8)
    photo = np.array([[[240, 110, 170], [250, 130, 190], [0, 0, 0]]], np.uint8)
    names = [*KNOWN]
    numbers = renamed(seen, photo, ["carpet", "pine"], KNOWN)
    assert [names[number] for number in numbers[0]] == ["flower", "flower", "pine"]


def test_a_photograph_of_the_class_itself_keeps_its_number() -> None:
    told = ["floor", "wall"]
    painted = {"wall": (1, 1, 1), "floor": (2, 2, 2)}
    seen = np.array([[0, 1]], np.uint8)
    assert renamed(seen, GREY[:1], told, painted).tolist() == [[1, 0]]


def test_the_map_is_kept_as_numbers_in_their_colours(tmp_path: Path) -> None:
    images, out = ImageStore(tmp_path), io.BytesIO()
    Image.new("RGB", (4, 2), "red").save(out, "PNG")
    seen = np.array([[0, 0, 1, 1], [1, 1, 1, 1]], np.uint8)
    kept = keep_named_map(images, images.put(out.getvalue()), seen, ["sky", "tree"], KNOWN)
    with Image.open(images.path(kept)) as map_:
        assert map_.mode == "P"
        names = [[*KNOWN][number] for number in np.asarray(map_)[0]]
        assert map_.convert("RGB").getpixel((0, 0)) == KNOWN["sky"]
    assert names == ["sky", "sky", "tree", "tree"]
