"""What training scripts draw batches of, wherever the pictures come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from webui.training.runs import Pixels

Array = TypeVar("Array", bound=NDArray[Any])
Given: TypeAlias = Array | Callable[[], Array]
"""An array, or how to gather it when it is first asked for."""


class Examples:
    """A batch of pictures with captions, and their truth where the source knows it.

    A training on kept latents never looks at the pictures, so a pool does not gather them from its
    files before they are asked for.
    """

    def __init__(  # noqa: PLR0913  one for each sort of truth
        self,
        pictures: Given[Pixels],
        captions: tuple[str, ...],
        class_maps: Given[NDArray[np.uint8]] | None = None,
        depths: Given[NDArray[np.uint8]] | None = None,
        things: Given[NDArray[np.uint8]] | None = None,
        boxes: Given[NDArray[np.float32]] | None = None,
        index: NDArray[np.int64] | None = None,
    ) -> None:
        """All have one row an example."""
        self.captions = captions
        self.index = index
        """Which of the source's examples these are; names their kept latents."""
        self._arrays: dict[str, Any] = {
            "pictures": pictures, "class_maps": class_maps, "depths": depths, "things": things,
            "boxes": boxes,
        }  # fmt: skip

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def pictures(self) -> Pixels:
        """RGB uint8 (B, H, W, 3)."""
        pictures: Pixels = self._gathered("pictures")
        return pictures

    @property
    def class_maps(self) -> NDArray[np.uint8] | None:
        """Class ids (B, H, W)."""
        maps: NDArray[np.uint8] | None = self._gathered("class_maps")
        return maps

    @property
    def depths(self) -> NDArray[np.uint8] | None:
        """(B, H/4, W/4): 255 near, 0 far."""
        depths: NDArray[np.uint8] | None = self._gathered("depths")
        return depths

    @property
    def things(self) -> NDArray[np.uint8] | None:
        """(B, H/8, W/8): share of each cell that a foreground object covers, 0 to 255."""
        things: NDArray[np.uint8] | None = self._gathered("things")
        return things

    @property
    def boxes(self) -> NDArray[np.float32] | None:
        """(B, 16, 5): class id, then left, top, right, bottom in fractions; class -1 where none."""
        boxes: NDArray[np.float32] | None = self._gathered("boxes")
        return boxes

    def without_index(self) -> Examples:
        """The same examples, their latents unknown."""
        return Examples(captions=self.captions, **self._arrays)

    def _gathered(self, name: str) -> Any:
        array = self._arrays[name]
        if callable(array):
            array = self._arrays[name] = array()
        return array

    def __getstate__(self) -> dict[str, Any]:
        """All arrays, gathered: how to gather them stays in the process that knows it."""
        for name in self._arrays:
            self._gathered(name)
        return self.__dict__


class Source(Protocol):
    """Where examples come from: a pool, a stream, a user's folder."""

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """A random batch; all pictures of one batch have one size."""
        ...


class Mixed:
    """A source that gives, of so many batches, a share from another source."""

    def __init__(self, usual: Source, other: Source, share: float) -> None:
        """`share` is the other source's, 0 to 1."""
        self._usual, self._other, self._share = usual, other, share

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """A batch of one of the two. The other's latents are not those that are kept."""
        if rng.random() < self._share:
            return self._other.draw(count, rng).without_index()
        return self._usual.draw(count, rng)
