"""The canvas: anti-aliased shapes painted together into colour, class and depth.

Points are given in pixels of the finished picture, as (x, y); the canvas is
twice as fine and is averaged down at the end.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from webui.training.world.palette import RGB

Points = npt.NDArray[np.float64]
_FINE = 2
_SHIFT = 4


def points(pairs: Sequence[tuple[float, float]]) -> Points:
    """Makes an array of points."""
    return np.asarray(pairs, dtype=np.float64)


def oval(x: float, y: float, rx: float, ry: float, count: int = 28) -> Points:
    """The outline of an ellipse."""
    angle = np.arange(count) * (2.0 * np.pi / count)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def gradient(stops: Sequence[tuple[float, RGB]], rows: npt.NDArray[np.float64]) -> Points:
    """Colours down a column: linear between (y, colour) stops."""
    ys = [stop[0] for stop in stops]
    return np.stack(
        [np.interp(rows, ys, [stop[1][channel] for stop in stops]) for channel in range(3)],
        axis=1,
    )


class Canvas:
    """A picture being painted, with its class map, its depth and a running bound."""

    def __init__(self, width: int, height: int) -> None:
        """Starts an empty canvas of the size of the finished picture."""
        self.width = width
        self.height = height
        self.unit = float(min(width, height))
        shape = (height * _FINE, width * _FINE)
        self.rgb: npt.NDArray[np.uint8] = np.zeros((*shape, 3), np.uint8)
        self.classes: npt.NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.depth: npt.NDArray[np.float32] = np.ones(shape, np.float32)
        self._bounds: list[Points] = []

    def start_bounds(self) -> None:
        """Starts a new bound; shapes with a class widen it."""
        self._bounds = []

    def bounds(self) -> tuple[float, float, float, float]:
        """The bound (x0, y0, x1, y1) since the start, in fractions of the picture."""
        every = np.concatenate(self._bounds)
        scale = np.array([self.width, self.height], dtype=np.float64)
        low = np.clip(every.min(axis=0) / scale, 0.0, 1.0)
        high = np.clip(every.max(axis=0) / scale, 0.0, 1.0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    def rows(self) -> npt.NDArray[np.float64]:
        """The y of every fine row, as a fraction of the picture's height."""
        count = self.height * _FINE
        return (np.arange(count) + 0.5) / count

    def poly(
        self, outline: Points, colour: RGB, cls: int | None = None, depth: float = 1.0
    ) -> None:
        """Fills a polygon with one colour; with a class, marks class and depth too."""
        fixed = _fixed(outline)
        cv2.fillPoly(self.rgb, [fixed], colour, cv2.LINE_AA, _SHIFT)
        if cls is not None:
            cv2.fillPoly(self.classes, [fixed], (cls,), cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self.depth, [fixed], (depth,), cv2.LINE_8, _SHIFT)
            self._bounds.append(outline)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        colour: RGB,
        cls: int | None = None,
        depth: float = 1.0,
    ) -> None:
        """Fills a disc."""
        self.poly(oval(x, y, radius, radius), colour, cls, depth)

    def wash(
        self,
        outline: Points,
        stops: Sequence[tuple[float, RGB]],
        alpha: float = 1.0,
        cls: int | None = None,
        depth: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        """Blends a polygon with a vertical gradient; stops are in fractions of the height."""
        left, top, right, bottom = self._window(outline)
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        moved = outline - np.array([left, top], dtype=np.float64) / _FINE
        fixed = _fixed(moved)
        cv2.fillPoly(mask, [fixed], (255,), cv2.LINE_AA, _SHIFT)
        rows = self.rows()[top:bottom]
        fill = np.empty((bottom - top, right - left, 3), np.uint8)
        fill[:] = np.clip(gradient(stops, rows) + 0.5, 0, 255).astype(np.uint8)[:, None, :]
        self._blend(left, top, fill, mask.astype(np.float32) * np.float32(alpha / 255.0))
        if cls is not None:
            inside = mask > 127
            self.classes[top:bottom, left:right][inside] = cls
            if depth is not None:
                far = np.interp(rows, [d[0] for d in depth], [d[1] for d in depth])
                column = np.broadcast_to(far.astype(np.float32)[:, None], mask.shape)
                np.copyto(self.depth[top:bottom, left:right], column, where=inside)

    def glow(self, x: float, y: float, radius: float, colour: RGB, strength: float) -> None:
        """Adds a soft round light; it marks no class."""
        left, top, right, bottom = self._window(oval(x, y, radius, radius))
        if right <= left or bottom <= top:
            return
        small_w, small_h = max(8, (right - left) // 6), max(8, (bottom - top) // 6)
        xs = (np.arange(small_w) + 0.5) / small_w * (right - left) + left - x * _FINE
        ys = (np.arange(small_h) + 0.5) / small_h * (bottom - top) + top - y * _FINE
        reach = (xs[None, :] ** 2 + ys[:, None] ** 2) / (radius * _FINE) ** 2
        light = strength * np.clip(1.0 - np.sqrt(reach), 0.0, 1.0) ** 2
        alpha = cv2.resize(
            light.astype(np.float32), (right - left, bottom - top), interpolation=cv2.INTER_LINEAR
        )
        fill = np.empty((bottom - top, right - left, 3), np.uint8)
        fill[:] = np.array(colour, dtype=np.float64).astype(np.uint8)
        self._blend(left, top, fill, np.asarray(alpha, np.float32))

    def haze(self, top: float, bottom: float, colour: RGB, strength: float) -> None:
        """Veils rows from clear at `top` to `strength` at `bottom`, in fractions."""
        count = self.height * _FINE
        first, last = max(0, int(top * count)), min(count, int(bottom * count))
        if last <= first:
            return
        share = np.linspace(0.0, strength, last - first)[:, None, None]
        band = self.rgb[first:last].astype(np.float32)
        band += (np.array(colour, dtype=np.float32) - band) * share.astype(np.float32)
        self.rgb[first:last] = band.astype(np.uint8)

    def finish(
        self,
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """The finished picture, class map and depth."""
        size = (self.width, self.height)
        image = cv2.resize(self.rgb, size, interpolation=cv2.INTER_AREA)
        classes = np.ascontiguousarray(self.classes[::_FINE, ::_FINE])
        depth = np.ascontiguousarray(self.depth[::_FINE, ::_FINE])
        return np.asarray(image, np.uint8), classes, depth

    def _window(self, outline: Points) -> tuple[int, int, int, int]:
        low = np.floor(outline.min(axis=0) * _FINE).astype(int) - 1
        high = np.ceil(outline.max(axis=0) * _FINE).astype(int) + 2
        return (
            max(0, int(low[0])),
            max(0, int(low[1])),
            min(self.width * _FINE, int(high[0])),
            min(self.height * _FINE, int(high[1])),
        )

    def _blend(
        self,
        left: int,
        top: int,
        fill: npt.NDArray[np.uint8],
        alpha: npt.NDArray[np.float32],
    ) -> None:
        height, width = alpha.shape
        under = np.ascontiguousarray(self.rgb[top : top + height, left : left + width])
        blended = cv2.blendLinear(fill, under, alpha, np.float32(1.0) - alpha)
        self.rgb[top : top + height, left : left + width] = blended


def _fixed(outline: Points) -> npt.NDArray[np.int32]:
    scaled = (outline * _FINE - 0.5) * (1 << _SHIFT)
    return np.rint(scaled).astype(np.int32)
