"""The calls into extensions that are going on, so that another thread can see one that does not come back."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

_T = TypeVar("_T")


class Quit(Exception):
    """An extension called `sys.exit`, or raised what ends a thread; it ends nothing but its own call."""


@dataclass(frozen=True)
class Going:
    """A call that has not come back yet."""

    extension: str
    hook: str
    since: float
    """Of `time.monotonic`."""


class Calls:
    """Of one process; may be asked from any thread."""

    def __init__(self, around: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        """`around` gives what each call is made within."""
        self._around = around
        self._going: dict[int, Going] = {}
        """By the number of the thread: the innermost."""

    def during(self, extension: str, hook: str, call: Callable[[], _T]) -> _T:
        """What a call gives, known as going on meanwhile.

        Raises:
            Quit: it wanted to end the thread that it is in.
            BaseException: what it raised.
        """
        with self.within(extension, hook):
            return call()

    @contextmanager
    def within(self, extension: str, hook: str) -> Iterator[None]:
        """The block is a call that goes on, as far as anybody can see.

        Raises:
            Quit: it wanted to end the thread that it is in.
        """
        thread = threading.get_ident()
        outer = self._going.get(thread)
        self._going[thread] = Going(extension, hook, time.monotonic())
        try:
            with self._around():
                yield
        except (Exception, GeneratorExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise Quit(f"it raised {type(error).__name__}: {error}") from error
        finally:
            if outer is None:
                del self._going[thread]
            else:
                self._going[thread] = outer

    def move_on(self) -> None:
        """The call that this thread is in shows that it gets somewhere: its time begins anew."""
        thread = threading.get_ident()
        if (going := self._going.get(thread)) is not None:
            self._going[thread] = replace(going, since=time.monotonic())

    # Any: what generators are sent and give is theirs.
    def through(
        self, extension: str, hook: str, program: Any, seen: Callable[[Any], Any] = lambda it: it
    ) -> Generator[Any, Any, Any]:
        """A generator of an extension, known as going on whenever it runs, and not while it waits.

        `seen` is given what it yields, and gives what goes on in its place.
        """
        if not isinstance(program, Generator):
            return (yield from program)
        go_on = partial(program.send, None)
        while True:
            try:
                wanted = self.during(extension, hook, go_on)
            except StopIteration as ended:
                return ended.value
            try:
                go_on = partial(program.send, (yield seen(wanted)))
            except GeneratorExit:
                self.during(extension, hook, program.close)
                raise
            except BaseException as error:  # noqa: BLE001 - it is the generator's to handle
                go_on = partial(program.throw, error)

    def count(self) -> int:
        """How many threads are in one."""
        return len(self._going)

    def going(self, thread: int | None) -> Going | None:
        """The call that a thread is in; None where it is in none."""
        return None if thread is None else self._going.get(thread)


def standing(thread: int | None) -> str:
    """Where a thread is just now, as a traceback has it; empty where it has ended."""
    frame = None if thread is None else sys._current_frames().get(thread)
    return "" if frame is None else "".join(traceback.format_stack(frame))
