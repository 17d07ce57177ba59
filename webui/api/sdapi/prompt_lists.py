"""Prompts from file or textbox, a script that `script_name` selects: its positional arguments are read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException

from webui.contracts.prompt_list import PromptList, Seeds
from webui.contracts.request import GenerationRequest, validated

PROMPTS = "prompts from file or textbox"
_ARGUMENTS = ("checkbox_iterate", "checkbox_iterate_batch", "prompt_position", "prompt_txt", "make_combined")  # fmt: skip
_OLDER = tuple(name for name in _ARGUMENTS if name != "prompt_position")
"""The same before 1.6, where a line's prompt stands in place of the body's."""
_PLACES = ("start", "end")


def is_prompt_list(name: str) -> bool:
    """Whether `script_name` selects it."""
    return name.lower() == PROMPTS


def prompt_list(
    arguments: Sequence[Any], request: GenerationRequest, rounds: int
) -> tuple[PromptList, tuple[str, ...]]:
    """The list that `script_args` ask for, and the names of those that mean nothing here.

    Raises:
        HTTPException: 422, there is no text among them.
        InvalidField: a value is out of range.
    """
    is_older = len(arguments) > 2 and arguments[2] not in _PLACES
    said = dict(zip(_OLDER if is_older else _ARGUMENTS, arguments, strict=False))
    lines = said.get("prompt_txt")
    if not isinstance(lines, str):
        wanted = ", ".join(_ARGUMENTS)
        raise HTTPException(422, f"script_args of {PROMPTS!r} have no text, expected: {wanted}.")
    place = "instead" if is_older else said["prompt_position"]
    ignored = ("script_args.make_combined",) if said.get("make_combined") else ()
    named = {"request": request, "lines": lines, "place": place, "seeds": _seeds(said)}
    return validated(PromptList, {**named, "rounds": rounds}), ignored


def _seeds(said: Mapping[str, Any]) -> Seeds:
    if said.get("checkbox_iterate"):
        return "next"
    return "same" if said.get("checkbox_iterate_batch") else "own"
