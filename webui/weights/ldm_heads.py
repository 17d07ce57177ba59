"""How wide the heads of an attention are, which its weights do not show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heads:
    """Either so many heads at every level, or heads of so many channels."""

    count: int | None = None
    width: int | None = None

    def of(self, channels: int) -> int:
        """Number of heads of a level of so many channels.

        Raises:
            ValueError: the channels do not part into such heads.
        """
        heads = self.count or channels // (self.width or channels) or 1
        if channels % heads:
            raise ValueError(f"its {channels} channels do not part into {heads} attention heads")
        return heads
