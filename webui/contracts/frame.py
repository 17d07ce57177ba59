"""The frame of a picture that is drawn on beyond its sides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """Pixels beyond each side of a picture of a size."""

    picture: tuple[int, int]
    """Width and height of the picture itself."""
    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of picture and frame."""
        width, height = self.picture
        return self.left + width + self.right, self.top + height + self.bottom

    def widened_to(self, multiple: int) -> Frame:
        """The same frame, at the right and below so much larger that both sides are multiples."""
        width, height = self.size
        return Frame(
            self.picture,
            self.left,
            self.top,
            self.right + -width % multiple,
            self.bottom + -height % multiple,
        )
