"""A first map of classes from a photograph: its colours, gathered into areas, each named by the nearest class.

Nothing here knows what is in the photograph. A blue lake and a blue sky may come out as one class; the
map is there to be painted on.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from webui.contracts.ids import ImageId
from webui.contracts.palette import RGB
from webui.contracts.pixels import eight_bits
from webui.services.images import ImageStore

LEARNT_SIDE, LARGEST_SIDE = 192, 1024
"""Longest side of what colours are learnt from, and of what areas are drawn at."""
ROUNDS = 30
"""Of clustering; it ends earlier where nothing moves any more."""
SMOOTHING = 9
"""Pixels, of LARGEST_SIDE, over which an area's edge is rounded."""

Numbers = NDArray[np.uint8]
# Any: cv2's and k-means' arrays may be of any type.
Lab = NDArray[Any]


def map_from_photo(
    images: ImageStore, image: ImageId, colours: Sequence[RGB], clusters: int
) -> ImageId:
    """Keep the map of a stored picture, a palette PNG of its size; its id.

    Raises:
        NotFound: no such image.
    """
    with Image.open(images.path(image), formats=("PNG",)) as stored:
        behind = Image.new("RGBA", stored.size, "white")
        photo = Image.alpha_composite(behind, eight_bits(stored).convert("RGBA")).convert("RGB")
    numbers = Image.fromarray(read_photo(np.asarray(photo), colours, clusters))
    numbers.putpalette([level for colour in colours for level in colour])
    out = io.BytesIO()
    numbers.save(out, "PNG", compress_level=4)
    return images.put(out.getvalue())


def read_photo(photo: Numbers, colours: Sequence[RGB], clusters: int) -> Numbers:
    """Which class each pixel is nearest to, once its colours are gathered; the same each time.

    Args:
        photo: (H, W, 3).
        colours: Of the classes.
        clusters: How many colours the photograph is brought down to.

    Returns:
        (H, W), places in `colours`.
    """
    height, width = photo.shape[:2]
    middle = _shrunk(photo, LARGEST_SIDE)
    flat = _lab(cv2.bilateralFilter(middle, 7, 40, 7))
    centres = _gathered(_lab(_shrunk(middle, LEARNT_SIDE)).reshape(-1, 3), clusters)
    wanted = _lab(np.array(colours, np.uint8)[None])[0]  # (N, 3)
    classes = np.array([_nearest(centre, wanted) for centre in centres])
    areas = _smoothed(flat, centres)
    numbers: Numbers = classes[areas].astype(np.uint8)
    return np.asarray(
        cv2.resize(numbers, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8
    )


def _lab(pixels: Lab) -> Lab:
    """CIE L*a*b*, in which equal distances look about equally large."""
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _shrunk(photo: Numbers, side: int) -> Numbers:
    scale = side / max(photo.shape[:2])
    if scale >= 1:
        return photo
    size = [max(1, round(length * scale)) for length in photo.shape[1::-1]]
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def _gathered(colours: Lab, clusters: int) -> Lab:
    """Centres of the clusters (k-means) of colours (N, 3); begun from colours as far apart as can be."""
    begun = [colours.mean(0)]
    distance = np.full(len(colours), np.inf)
    while len(begun) < clusters:
        distance = np.minimum(distance, np.square(colours - begun[-1]).sum(1))
        if distance.max() < 1:
            break  # it has no more colours than these
        begun.append(colours[distance.argmax()])
    labels = _of(colours, np.array(begun)).astype(np.int32)[:, None]
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, ROUNDS, 0.1)
    _, _, centres = cv2.kmeans(
        colours.astype(np.float32), len(begun), labels, criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS
    )
    return np.asarray(centres)


def _of(colours: Lab, centres: Lab) -> NDArray[np.int64]:
    distances = np.stack([np.square(colours - centre).sum(-1) for centre in centres], -1)
    nearest: NDArray[np.int64] = distances.argmin(-1)
    return nearest


def _nearest(colour: Lab, wanted: Lab) -> int:
    return int(np.square(wanted - colour).sum(1).argmin())


def _smoothed(flat: Lab, centres: Lab) -> NDArray[np.int64]:
    """Each pixel's cluster (H, W): the one that most pixels around it are nearest to."""
    nearest = _of(flat, centres)
    size = (SMOOTHING, SMOOTHING)
    votes = [cv2.blur((nearest == i).astype(np.float32), size) for i in range(len(centres))]
    areas: NDArray[np.int64] = np.stack(votes, -1).argmax(-1)
    return areas
