"""Finds parts of a picture: faces by Viola and Jones' cascade, things by what the eye is drawn to."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

SALIENT_SIDE = 64
"""Pixels of the longer side that saliency is looked for at, as its authors do."""
LEAST_SHARE = 0.015
"""Of the picture, that a thing must cover; what is smaller is a speck, and gains nothing."""
MOST_SHARE = 0.5
"""Of the picture, that a thing may cover; what is larger is the picture itself."""


@dataclass(frozen=True)
class Box:
    """A part of a picture in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top

    def meets(self, other: "Box") -> bool:
        """Whether they share a pixel."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def around(self, other: "Box") -> "Box":
        """The smallest that holds both."""
        return Box(
            min(self.left, other.left), min(self.top, other.top),
            max(self.right, other.right), max(self.bottom, other.bottom),
        )

    def padded(self, share: float, width: int, height: int) -> "Box":
        """With a margin of this share of its longer side, within a picture of this size."""
        margin = round(share * max(self.sides))
        return Box(
            max(0, self.left - margin), max(0, self.top - margin),
            min(width, self.right + margin), min(height, self.bottom + margin),
        )


def find(picture: np.ndarray, what: str, most: int) -> list[Box]:
    """Boxes of parts, the largest first.

    Args:
        picture: (height, width, 3) of uint8.
        what: 'faces' or 'things'.
        most: How many at most.
    """
    found = faces(picture) if what == "faces" else things(picture)
    return sorted(found, key=lambda box: -box.sides[0] * box.sides[1])[:most]


def faces(picture: np.ndarray) -> list[Box]:
    """Faces that look at the viewer (Viola and Jones 2001, by the cascade that OpenCV brings)."""
    file = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
    grey = cv2.equalizeHist(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    least = max(20, min(grey.shape) // 16)
    found = cv2.CascadeClassifier(str(file)).detectMultiScale(grey, 1.1, 5, minSize=(least, least))
    return [Box(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h in found]


def things(picture: np.ndarray) -> list[Box]:
    """What stands out of its surroundings; which thing it is, is not known."""
    height, width = picture.shape[:2]
    salient = saliency(picture)
    level = max(salient.mean() * 2, float(np.quantile(salient, 0.85)))
    mask = cv2.dilate((salient > level).astype(np.uint8), np.ones((5, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    across, down = width / mask.shape[1], height / mask.shape[0]
    boxes = [
        Box(int(x * across), int(y * down), int((x + w) * across), int((y + h) * down))
        for x, y, w, h, _ in stats[1:]
    ]
    area = width * height
    return [
        box for box in joined(boxes)
        if LEAST_SHARE <= box.sides[0] * box.sides[1] / area <= MOST_SHARE
    ]


def joined(boxes: list[Box]) -> list[Box]:
    """The boxes, those that overlap made one, so that no place is drawn twice."""
    apart: list[Box] = []
    for box in boxes:
        while (other := next((o for o in apart if box.meets(o)), None)) is not None:
            apart.remove(other)
            box = box.around(other)
        apart.append(box)
    return apart


def saliency(picture: np.ndarray) -> np.ndarray:
    """How much each place stands out, by the spectral residual (Hou and Zhang 2007) of each channel of L*a*b*.

    What is alike everywhere in a picture shows in the smooth course of its log spectrum; what is left of
    the spectrum without that course, put back into the plane, is where something is unlike the rest.
    """
    height, width = picture.shape[:2]
    scale = SALIENT_SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float64)
    total = np.zeros(lab.shape[:2])
    for channel in np.moveaxis(lab, -1, 0):
        spectrum = np.fft.fft2(channel)
        log = np.log(np.abs(spectrum) + 1e-9)
        residual = log - cv2.blur(log, (3, 3), borderType=cv2.BORDER_REFLECT)
        back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
        total += np.abs(back) ** 2 * channel.std()
    return cv2.GaussianBlur(total, (0, 0), 2.5)
