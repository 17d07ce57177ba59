"""The calls into extensions that are going on, so that another thread can see one that does not come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Going:
    """A call that has not come back yet."""

    extension: str
    hook: str
    since: float
    """Of `time.monotonic`."""


class Calls:
    """Of one process; may be asked from any thread."""

    def __init__(self) -> None:
        self._going: dict[int, Going] = {}
        """By the number of the thread: the innermost."""

    def during(self, extension: str, hook: str, call: Callable[[], _T]) -> _T:
        """What a call gives, known as going on meanwhile."""
        thread = threading.get_ident()
        outer = self._going.get(thread)
        self._going[thread] = Going(extension, hook, time.monotonic())
        try:
            return call()
        finally:
            if outer is None:
                del self._going[thread]
            else:
                self._going[thread] = outer

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

    def going(self, thread: int) -> Going | None:
        """The call that a thread is in; None where it is in none."""
        return self._going.get(thread)
