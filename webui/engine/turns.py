"""Whose turn it is: work that cannot run together shares the machine by the time that it takes.

Self-clocked fair queueing (Golestani 1994). Every group of work has a date on a common clock at which
its next turn is due; the group with the earliest date goes, the clock moves to that date, and the
group's next one lies later by what the turn took over the group's share. So while one group waits,
no other of the same share gets more than the time of the turn waited for and one turn of its own:
of turns that take equal time at most two, however many groups come and go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

WORST = 4.0
"""A turn counts as at most so many usual ones: a stall of the machine is nobody's debt."""
MOST_COSTS = 512
"""Kinds of work whose time is remembered."""


@dataclass(frozen=True)
class Candidate:
    """A group that has work waiting."""

    key: Hashable
    """Its identity."""
    kind: Hashable
    """What its time is remembered by, beyond the group's own life; holds no weights."""
    rows: int
    """Of its next batch."""
    share: float = 1.0
    """Of the machine, beside a group of share 1."""


class Turns:
    """Remembers when each group's turn is due, and how long a row of its kind of work takes."""

    def __init__(self) -> None:
        self._now = 0.0
        self._due: dict[Hashable, float] = {}
        self._costs: dict[Hashable, float] = {}

    def next(self, groups: Iterable[Candidate]) -> Candidate:
        """The group whose turn it is; of equal dates one of unknown cost, else the first given.

        Groups that are not given have nothing waiting, and are forgotten. A new one is due after a turn
        of its own kind; work of a kind that has not run yet is due at once.
        """
        waiting = list(groups)
        self._due = {group.key: self._date(group) for group in waiting}
        chosen = min(waiting, key=lambda group: (self._due[group.key], self.is_known(group)))
        self._now = max(self._now, self._due[chosen.key])
        return chosen

    def charge(self, group: Candidate, rows: int, seconds: float | None) -> None:
        """The group had its turn, with so many rows, which took so long; None: as long as usual."""
        each = usual = self._costs.pop(group.kind, 0.0)
        if seconds is not None:
            each = min(seconds / rows, WORST * usual) if usual else seconds / rows
        self._costs[group.kind] = 0.5 * (usual + each) if usual else each
        while len(self._costs) > MOST_COSTS:
            del self._costs[next(iter(self._costs))]
        self._due[group.key] = self._now + each * rows / group.share

    def is_known(self, group: Candidate) -> bool:
        """Whether it is known how long its kind of work takes."""
        return self._costs.get(group.kind, 0.0) > 0

    def forget(self) -> None:
        """Nothing waits any more; what turns cost is remembered."""
        self._due.clear()

    def _date(self, group: Candidate) -> float:
        if group.key in self._due:
            return self._due[group.key]
        return self._now + self._costs.get(group.kind, 0.0) * group.rows / group.share
