"""Easel's own functions of the prompt language: a number by chance, for weights and counts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from webui.contracts.errors import BadRequest
from webui.contracts.prompt_functions import PromptCall, PromptFunction
from webui.hooks.specs import hookimpl

_NUMBER = re.compile(r"-?\d{1,9}(?:\.(\d{1,6}))?")


@hookimpl
def prompt_functions() -> Mapping[str, PromptFunction]:
    """One."""
    return {"number": number}


def number(call: PromptCall) -> str:
    """A number between two, each as likely: `(fog:${number(0.6|1.2)})`, with as many decimals as they have.

    Raises:
        BadRequest: it is not called with two numbers, the lower first.
    """
    found = [_NUMBER.fullmatch(argument) for argument in call.arguments]
    if len(found) != 2 or not all(found) or float(call.arguments[0]) > float(call.arguments[1]):
        raise BadRequest(
            f"The prompt function number is called with {'|'.join(call.arguments)[:100]!r}; two numbers were expected, "
            "the lower first: ${number(0.6|1.2)}."
        )
    decimals = max(len(each[1] or "") for each in found if each)
    low, high = (round(float(argument) * 10**decimals) for argument in call.arguments)
    return f"{(low + int(call.chance.random() * (high - low + 1))) / 10**decimals:.{decimals}f}"
