"""What extensions add to the words of prompts: lists of entries, and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from webui.contracts.access import StudioAccess
from webui.contracts.errors import BadRequest, HookFailed
from webui.contracts.prompt_functions import PromptCall, PromptFunction
from webui.hooks.host import HookHost
from webui.hooks.offers import one, several
from webui.hooks.patience import Unreturned
from webui.hooks.points import OWN

_FUNCTIONS, _WILDCARDS = "prompt_functions", "wildcards"


def added_wildcards(
    host: HookHost, access: Callable[[str], StudioAccess]
) -> dict[str, Sequence[str]]:
    """Lists by their whole names, 'extension/list', Easel's own without a prefix: these count first.

    What fails is left out and named. A list that is no tuple or list is read when it is looked into.
    """
    found: dict[str, Sequence[str]] = {}
    for name in host.users(_WILDCARDS):
        own = None if name.startswith(OWN) else access(name)  # Easel's own asks for none
        given = host.collect(_WILDCARDS, _lists, only=name, access=own)
        for each, lines in (pair for _, lists in given for pair in lists.items()):
            late = not isinstance(lines, (list, tuple))
            found.setdefault(
                each if name.startswith(OWN) else f"{name}/{each}",
                _LateList(host, name, each, lines) if late else lines,
            )
    return found


@dataclass(frozen=True, eq=False)
class _LateList(Sequence[str]):
    """A list of an extension that is read when it is looked into; what fails then carries the extension's name."""

    host: HookHost
    extension: str
    name: str
    lines: Sequence[str]

    @override
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:  # type: ignore[override]
        return self._read()[place]

    @override
    def __len__(self) -> int:
        return len(self._read())

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def _read(self) -> Sequence[str]:
        """All entries.

        Raises:
            BadRequest: the extension says why it cannot be read.
            HookFailed: the extension failed.
        """
        try:
            return self.host.waited(
                self.extension, _WILDCARDS, lambda: several(str)(list(self.lines))
            )
        except (BadRequest, Unreturned):
            raise
        except Exception as error:
            self.host.log.note(self.extension, _WILDCARDS, error)
            raise HookFailed(
                f"The extension {self.extension!r} failed in its wildcard {self.name!r}: {error}. Repair it, or leave "
                "the wildcard out of the prompt, and try again."
            ) from error


def added_functions(host: HookHost) -> dict[str, PromptFunction]:
    """Functions by their whole names, Easel's own without a prefix; what fails is left out and named."""
    return {
        each if name.startswith(OWN) else f"{name}/{each}": _named(host, name, each, function)
        for name, functions in host.collect(_FUNCTIONS, _callables)
        for each, function in functions.items()
    }


def _named(host: HookHost, extension: str, name: str, function: PromptFunction) -> PromptFunction:
    """A function whose failures carry the extension's name; what it refuses is said as it is."""

    def run(call: PromptCall) -> str:
        try:
            return one(str)(host.waited(extension, _FUNCTIONS, lambda: function(call)))
        except (BadRequest, Unreturned):
            raise
        except Exception as error:
            host.log.note(extension, _FUNCTIONS, error)
            raise HookFailed(
                f"The extension {extension!r} failed in its prompt function {name!r}: {error}. Repair it, or leave "
                "the function out of the prompt, and try again."
            ) from error

    return run


# Any: what an extension gives, which may be anything.


def _lists(given: Any) -> dict[str, Sequence[str]]:
    table: dict[Any, Any] = dict(given or {})
    return {one(str)(name): _entries(lines) for name, lines in table.items()}


def _entries(lines: Any) -> Sequence[str]:
    """A list, checked now, or any other sequence, checked when it is read."""
    is_late = isinstance(lines, Sequence) and not isinstance(lines, (str, list, tuple))
    return lines if is_late else several(str)(lines)


def _callables(given: Any) -> Mapping[str, PromptFunction]:
    table = dict(given or {})
    for name, function in table.items():
        if not one(str)(name).isidentifier() or not callable(function):
            raise TypeError(
                f"{name!r:.100}: {function!r:.100} was given; a name and a function were expected."
            )
    return table
