"""What a segmentation network saw in a photograph, as a map in the classes that one paints with."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.contracts.ids import ImageId
from webui.contracts.palette import RGB
from webui.contracts.pixels import eight_bits
from webui.services.images import ImageStore

Numbers = NDArray[np.uint8]
SAME: Mapping[str, str] = {
    "grass": "meadow", "field": "meadow", "earth": "desert", "sand": "desert", "land": "desert", "sea": "water",
    "lake": "water", "river": "water", "pool": "water", "waterfall": "water", "building": "house", "hovel": "house",
    "hill": "mountain", "rock": "mountain", "palm": "tree", "ship": "boat", "plant": "tree",
}  # fmt: skip
"""Names of ADE20K's and COCO-Stuff's classes, and those of the starter's world that stand for the like."""


def keep_named_map(
    images: ImageStore,
    photo: ImageId,
    seen: Numbers,
    told: Sequence[str],
    painted: Mapping[str, RGB],
) -> ImageId:
    """Keep the map of a stored picture, a palette PNG of its size; its id.

    Args:
        images: Has the photograph and takes the map.
        photo: What was read.
        seen: (H, W), places in `told`.
        told: Names of the network's classes.
        painted: Names and colours of the classes that one paints with, in the order of their numbers.
    """
    with Image.open(images.path(photo), formats=("PNG",)) as stored:
        pixels = np.asarray(eight_bits(stored).convert("RGB"))
    numbers = Image.fromarray(renamed(seen, pixels, told, painted))
    numbers.putpalette([level for colour in painted.values() for level in colour])
    out = io.BytesIO()
    numbers.save(out, "PNG", compress_level=4)
    return images.put(out.getvalue())


def renamed(
    seen: Numbers, photo: Numbers, told: Sequence[str], painted: Mapping[str, RGB]
) -> Numbers:
    """The map in other classes: of the same name where there is one, else of the colour nearest to the area's."""
    names, colours = list(painted), np.array([*painted.values()], float)
    table = np.zeros(256, np.uint8)
    for number in np.unique(seen):
        name = _same(told[number], names)
        if name is not None:
            table[number] = names.index(name)
            continue
        mean = photo[seen == number].mean(0)
        table[number] = np.square(colours - mean).sum(1).argmin()
    return table[seen]


def _same(told: str, names: Sequence[str]) -> str | None:
    """The class of a name, or of another name for the same; None where there is none."""
    known = {_plain(name): name for name in reversed(names)}
    synonyms = [_plain(part) for part in re.split(r"[,;]", told)]
    for word in (*synonyms, *(part.partition("-")[0] for part in synonyms)):
        if word in known:
            return known[word]
        if SAME.get(word) in known:
            return known[SAME[word]]
    return None


def _plain(name: str) -> str:
    """In lower case, without what COCO-Stuff adds to a name."""
    return re.sub(r"-(other|stuff)$", "", name.strip().lower())
