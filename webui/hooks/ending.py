"""Ends what an extension does in a thread that nobody waits for any more, where Python allows it.

A thread cannot be stopped, but an exception can be raised in it. That is done only while it runs the extension's own code:
in the studio's it might leave things half done. Code that catches every exception, or does not come back from a
library, goes on.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time

from webui.hooks.loading import NAMESPACE

TRIES = 100
PAUSE_SECONDS = 0.05


def end_soon(thread: threading.Thread) -> None:
    """Try for some seconds, beside whoever calls."""
    threading.Thread(target=_end, args=(thread,), name="extension-end", daemon=True).start()


def _end(thread: threading.Thread) -> None:
    for _ in range(TRIES):
        if not thread.is_alive():
            return
        if thread.ident is not None and _runs_own_code(thread.ident):
            raised = ctypes.py_object(SystemExit)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), raised)
        time.sleep(PAUSE_SECONDS)


def _runs_own_code(thread: int) -> bool:
    """Whether the innermost function is an extension's."""
    frame = sys._current_frames().get(thread)
    name = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    return name.startswith(f"{NAMESPACE}.")
