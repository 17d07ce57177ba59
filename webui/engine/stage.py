"""Networks that a device has no room for at once: what reads prompts and what draws are in its memory in turn.

A model that does not fit as a whole, but of which the text encoders fit alone and all the rest fits alone, is loaded
`apart`: its networks stand ready outside, each piece of work brings those that it needs, and they take the place of
those that were used longest ago. Who is on the stage stays a while where it has work, so that prompts that come one by one
while others draw are encoded together, and coming and leaving takes at most about half of the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from webui.engine.adapters.merging import MergedWeights
from webui.engine.memory import release_memory
from webui.engine.packed.home import ClosedHome, CopiedHome, Home
from webui.engine.packed.on_processor import quicken

LEAST_SECONDS = 2.0
"""So long at least who has come stays, where there is work for it."""
CHANGES = 2.0
"""So many times what it took to come, there and back: for coming and leaving."""


@dataclass
class _Member:
    home: Home
    is_on: bool = False
    used: int = 0
    """Number of the last use; the lowest leaves first."""


class Stage:
    """The networks that share a part of a device's memory. Used from one thread, but for `join` and `bytes`."""

    def __init__(self, merged: MergedWeights, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is on it yet.

        Args:
            merged: LoRAs in the networks, which are taken out before one leaves.
            clock: Seconds that only rise.
        """
        self.room_bytes = 0
        """What its networks may take together."""
        self.changes = 0
        """How often networks came."""
        self._merged = merged
        self._clock = clock
        self._members: WeakKeyDictionary[nn.Module, _Member] = WeakKeyDictionary()
        self._uses = 0
        self._kept_until = 0.0
        self._lock = threading.Lock()
        """Loading threads add members."""

    def join(self, network: nn.Module, device: torch.device, dtype: torch.dtype | None) -> None:
        """Have a network on the stage when it is brought; until then it is not.

        Args:
            network: In the computer's memory, as its file has it.
            device: Whose memory the stage is in.
            dtype: What the network computes in; None: what it is in.
        """
        home: Home
        if device.type == "cpu":
            home = ClosedHome(network, dtype or next(network.parameters()).dtype)
            quicken(network)  # what is not opened late stays as it is
        else:
            home = CopiedHome(nn.Module.to(network, dtype=dtype), device)
        with self._lock:
            self._members[network] = _Member(home)

    def __contains__(self, network: nn.Module) -> bool:
        return network in self._members

    @property
    def bytes(self) -> int:
        """The most that its networks take at one time."""
        return min(self.room_bytes, sum(member.home.bytes for _, member in self._all()))

    @property
    def on_bytes(self) -> int:
        """What is taken now."""
        return sum(member.home.bytes for _, member in self._all() if member.is_on)

    @property
    def is_kept(self) -> bool:
        """Whether those who came last are to stay while there is work for them."""
        return self._clock() < self._kept_until

    def bytes_of(self, cast: Iterable[nn.Module]) -> int:
        """What some of its networks take while they are on it."""
        return sum(self._members[network].home.bytes for network in cast)

    def has(self, cast: Iterable[nn.Module]) -> bool:
        """Whether all of them are on the stage."""
        return all(self._members[network].is_on for network in cast)

    def bring(self, cast: Sequence[nn.Module]) -> None:
        """Have all of them on the stage; others leave, the least recently used first, until there is room.

        Raises:
            torch.OutOfMemoryError: the device's memory is full all the same; who did not come is outside.
        """
        self._uses += 1
        for network in cast:
            self._members[network].used = self._uses
        if self.has(cast):
            return
        begun = self._clock()
        coming = [m for n in cast if not (m := self._members[n]).is_on]
        self._make_room(sum(member.home.bytes for member in coming), cast)
        for member in coming:
            member.home.come()
            member.is_on = True
        self.changes += 1
        now = self._clock()
        self._kept_until = now + max(LEAST_SECONDS, CHANGES * (now - begun))

    def _make_room(self, need: int, cast: Sequence[nn.Module]) -> None:
        others = [(m.used, n) for n, m in self._all() if m.is_on and n not in cast]
        left = False
        for _, network in sorted(others, key=lambda pair: pair[0]):
            if self.on_bytes + need <= self.room_bytes:
                break
            member = self._members[network]
            self._merged.use((), network, ())
            member.home.leave()
            member.is_on, left = False, True
        if left:
            release_memory()

    def _all(self) -> list[tuple[nn.Module, _Member]]:
        with self._lock:
            return [*self._members.items()]


@dataclass(frozen=True, eq=False)
class Apart:
    """How a model's networks share a stage."""

    stage: Stage
    reading: tuple[nn.Module, ...]
    """Those that read prompts and boxes."""
    drawing: tuple[nn.Module, ...]
    """All others."""

    @property
    def bytes(self) -> int:
        """What the larger of the two takes."""
        return max(self.stage.bytes_of(self.reading), self.stage.bytes_of(self.drawing))
