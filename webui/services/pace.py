"""How long a running job will still take, from its latest steps."""

from __future__ import annotations

from collections import deque

WINDOW = 12


class Pace:
    """Measured step times of one job."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, float]] = deque(maxlen=WINDOW)

    def note(self, step: int, steps: int, now: float) -> float | None:
        """Note that `step` of `steps` are done at `now`; the seconds left, from the second note on."""
        self._marks.append((step, now))
        first_step, since = self._marks[0]
        if step <= first_step:
            return None
        return max(0, steps - step) * (now - since) / (step - first_step)
