"""What went wrong in extensions: logged with their names, and kept for the page that lists them."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import Counter
from collections.abc import Callable

from webui.contracts.extension import HookFailure

MAX_FAILURES = 100
_TAKES_LONG = ("slow", "late")

_log = logging.getLogger(__name__)


class FailureLog:
    """The latest failures; may be used from any thread."""

    def __init__(self, process: str, tell: Callable[[HookFailure], None] = lambda _: None) -> None:
        """`tell` hears of each, as the worker's are told to the studio."""
        self._process = process
        self._tell = tell
        self._lock = threading.Lock()
        self._failures: list[tuple[int, HookFailure]] = []
        """Each with its number; those that are dropped leave gaps."""
        self._last = 0

    @property
    def last(self) -> int:
        """Number of the latest one; 0 before the first."""
        return self._last

    def since(self, number: int) -> tuple[HookFailure, ...]:
        """Those after one of this number that are still kept."""
        with self._lock:
            return tuple(failure for at, failure in self._failures if at > number)

    def note(self, extension: str, hook: str, error: BaseException) -> HookFailure:
        """Keep an error that an extension raised."""
        _log.error("The extension %r failed in %s.", extension, hook, exc_info=error)
        trace = getattr(error, "trace", "") or "".join(traceback.format_exception(error))
        message = f"{type(error).__name__}: {error}"
        failure = HookFailure(extension, hook, message, trace, process=self._process)
        self.add(failure)
        return failure

    def slow(self, extension: str, hook: str, seconds: float, budget: float) -> None:
        """Keep that a call took longer than its budget; the latest of a hook stands for all."""
        message = f"A call took {seconds:.2f} s; {budget:g} s is what a call may take."
        _log.warning("The extension %r is slow in %s: %s", extension, hook, message)
        self.add(HookFailure(extension, hook, message, "", "slow", self._process))

    def late(self, extension: str, hook: str, seconds: float) -> None:
        """Keep that an observer has not come back; told of once, for nobody waits for it."""
        with self._lock:
            told = any(
                (f.extension, f.hook) == (extension, hook) and f.kind in _TAKES_LONG
                for _, f in self._failures
            )
        if not told:
            message = f"It has not come back for {seconds:.1f} s; nobody waits for it."
            self.add(HookFailure(extension, hook, message, "", "late", self._process))

    def add(self, failure: HookFailure) -> None:
        """Keep a failure, of this process or of another."""
        with self._lock:
            if failure.kind in _TAKES_LONG:  # one that is slow has come back, be it late
                same = failure.extension, failure.hook
                self._failures = [
                    (at, f)
                    for at, f in self._failures
                    if (f.extension, f.hook) != same or f.kind not in _TAKES_LONG
                ]
            self._last += 1
            self._failures.append((self._last, failure))
            if len(self._failures) > MAX_FAILURES:
                self._drop_one()
        self._tell(failure)

    def _drop_one(self) -> None:
        """The oldest of the extension that has most: one that fails all the time pushes no other out."""
        counts = Counter(failure.extension for _, failure in self._failures)
        (most, _), *_ = counts.most_common(1)
        oldest = next(i for i, (_, f) in enumerate(self._failures) if f.extension == most)
        del self._failures[oldest]

    def forget(self, extension: str) -> None:
        """Drop what is known of an extension, as it is loaded anew."""
        with self._lock:
            self._failures = [(at, f) for at, f in self._failures if f.extension != extension]

    def all(self) -> tuple[HookFailure, ...]:
        """The latest, oldest first."""
        with self._lock:
            return tuple(failure for _, failure in self._failures)
