"""Waits for calls into extensions, but not for ever: no thread can be stopped, only left behind (and see `ending.py`).

A call is made in a thread of its own (`loading.within`). Where it has not come back in time, whoever waits is told
so and goes on, and `on_endless` switches the extension off; until then each further call of it fails at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from webui.contracts.errors import HookFailed
from webui.contracts.extension import HookFailure
from webui.hooks.calls import Calls, Going, standing
from webui.hooks.ending import end_soon
from webui.hooks.failures import FailureLog
from webui.hooks.loading import NeverEnded, is_waited_for, within
from webui.hooks.points import OWN

HOOK_SECONDS = 120.0
"""How long a hook may hold up a picture, or who orders one."""
DISPATCHER_SECONDS = 10.0
"""How long one may for which the dispatcher waits, and with it every job."""
DISPATCHED = ("change_metadata", "picture_metadata", "picture_file_name")
"""Those that the dispatcher waits for."""

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Unreturned(HookFailed):
    """A call that has not come back in time; its thread goes on."""

    def __init__(self, going: Going, seconds: float, thread: threading.Thread) -> None:
        super().__init__(
            f"The extension {going.extension!r} did not come back from {going.hook} within {seconds:g} s. It was switched "
            "off; where what it does cannot be ended, it may keep a processor busy until Easel is started anew. Repair it, "
            "or leave it out, and try again."
        )
        self.extension, self.hook, self.thread = going.extension, going.hook, thread
        self.trace = standing(thread.ident)


def studio_seconds(hook: str) -> float:
    """How long a call of a hook may take in the studio."""
    return DISPATCHER_SECONDS if hook in DISPATCHED else HOOK_SECONDS


class Patience:
    """Of one host; may be used from any thread."""

    def __init__(
        self, calls: Calls, log: FailureLog, process: str, seconds: Callable[[str], float] | None
    ) -> None:
        """`seconds` says how long a call of a hook may take; None: calls are made where they are asked for."""
        self.on_endless: Callable[[Unreturned], None] = lambda _: None
        """Told of each extension that was left behind; switches it off."""
        self._calls, self._log, self._process, self._seconds = calls, log, process, seconds
        self._left: dict[str, tuple[Going, float, threading.Thread]] = {}
        self._taken_out: dict[str, float] = {}
        """When each extension was last taken out, of `time.monotonic`: a call from before is nobody's any more."""

    def wait(self, extension: str, hook: str, call: Callable[[], _T]) -> _T:
        """What a call gives; inside another one that is waited for it is a part of that.

        Raises:
            Unreturned: it has not come back in time, or one before it has not.
            BaseException: what it raised.
        """
        if self._seconds is None or extension.startswith(OWN) or is_waited_for():
            return call()
        if (before := self._left.get(extension)) is not None:
            raise Unreturned(*before)
        began = Going(extension, hook, time.monotonic())
        seconds = self._seconds(hook)
        try:
            return within(seconds, call)
        except NeverEnded as error:
            if error.act is not call:
                raise  # something that was waited for inside it
            raise self._leave(began, seconds, error.thread) from None

    def forget(self, extension: str) -> None:
        """An extension is taken out: what it is called for from now on is another's matter."""
        self._taken_out[extension] = time.monotonic()
        self._left.pop(extension, None)

    def _leave(self, began: Going, seconds: float, thread: threading.Thread) -> Unreturned:
        """Whom to blame: the innermost call, but for Easel's own."""
        inner = self._calls.going(thread.ident)
        blamed = began if inner is None or inner.extension.startswith(OWN) else inner
        error = Unreturned(blamed, seconds, thread)
        if self._taken_out.get(blamed.extension, began.since) > began.since:
            return error
        self._left[blamed.extension] = blamed, seconds, thread
        told = HookFailure(
            blamed.extension, blamed.hook, str(error), error.trace, "endless", self._process
        )
        self._log.add(told)
        try:
            self.on_endless(error)
        except Exception:  # noqa: BLE001 - the border: who waits must go on
            _log.exception("The extension %r could not be switched off.", blamed.extension)
        end_soon(thread)
        return error
