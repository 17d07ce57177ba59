"""Ends the worker when an extension's hook does not come back: no thread can be stopped, but a process can.

The studio starts the next worker, without that extension; the jobs that were beside it go on there.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from webui.contracts.ids import JobId
from webui.contracts.messages import ExtensionFailed, JobEnded, WorkerEvent
from webui.hooks.calls import Calls, Going, standing
from webui.hooks.patience import HOOK_SECONDS

EXIT_STATUS = 3
LONGEST_PAUSE_SECONDS = 1.0


class EndlessHooks:
    """Looks after the thread in which it is made."""

    def __init__(
        self,
        calls: Calls,
        drawn: Callable[[], JobId | None],
        emit: Callable[[WorkerEvent], None],
        seconds: float = HOOK_SECONDS,
        end: Callable[[int], None] = os._exit,
    ) -> None:
        """`drawn` says whose picture that thread is busy with; `end` ends the process."""
        self._calls, self._drawn, self._emit, self._seconds, self._end = (
            calls, drawn, emit, seconds, end,
        )  # fmt: skip
        self._thread = threading.get_ident()

    def start(self) -> None:
        """Look on, in a thread of its own, until the process ends."""
        threading.Thread(target=self._watch, name="endless-hooks", daemon=True).start()

    def _watch(self) -> None:
        while not self.look():
            time.sleep(min(LONGEST_PAUSE_SECONDS, self._seconds / 4))

    def look(self) -> bool:
        """Whether a call has taken too long; then its job has failed, and the process ends."""
        going = self._calls.going(self._thread)
        if going is None or time.monotonic() - going.since <= self._seconds:
            return False
        self._give_up_on(going, self._drawn())
        self._end(EXIT_STATUS)
        return True

    def _give_up_on(self, going: Going, job: JobId | None) -> None:
        said = (
            f"The extension {going.extension!r} did not come back from {going.hook} within {self._seconds:g} s. It was "
            "switched off, and the worker started anew. Repair it, or leave it out, and try again."
        )
        trace = standing(self._thread)
        self._emit(ExtensionFailed(going.extension, going.hook, said, trace, "endless"))
        if job is not None:
            self._emit(JobEnded(job, "failed", said))
