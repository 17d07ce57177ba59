"""What extensions add to the words of prompts: lists of entries, and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from webui.contracts.access import StudioAccess
from webui.contracts.errors import BadRequest, HookFailed
from webui.contracts.prompt_functions import PromptCall, PromptFunction
from webui.hooks.host import HookHost
from webui.hooks.offers import one, several
from webui.hooks.patience import Unreturned
from webui.hooks.points import OWN

_FUNCTIONS = "prompt_functions"


def added_wildcards(
    host: HookHost, access: Callable[[str], StudioAccess]
) -> dict[str, Sequence[str]]:
    """Lists by their whole names, 'extension/list'; what fails is left out and named."""
    found: dict[str, Sequence[str]] = {}
    for name in host.users("wildcards"):
        for _, lists in host.collect("wildcards", _lists, only=name, access=access(name)):
            found |= {f"{name}/{each}": lines for each, lines in lists.items()}
    return found


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
    return {one(str)(name): several(str)(lines) for name, lines in dict(given or {}).items()}


def _callables(given: Any) -> Mapping[str, PromptFunction]:
    table = dict(given or {})
    for name, function in table.items():
        if not one(str)(name).isidentifier() or not callable(function):
            raise TypeError(
                f"{name!r:.100}: {function!r:.100} was given; a name and a function were expected."
            )
    return table
