"""The function that draws a number."""

from __future__ import annotations

import random

import pytest

from webui.contracts.errors import BadRequest
from webui.contracts.prompt_functions import PromptCall
from webui.hooks.builtin.prompt_functions import number


def drawn(*arguments: str, seed: int = 1) -> str:
    return number(PromptCall(arguments, random.Random(seed)))


def test_all_numbers_between_come_with_as_many_decimals() -> None:
    assert {drawn("1", "3", seed=s) for s in range(40)} == {"1", "2", "3"}
    assert {drawn("0.9", "1.1", seed=s) for s in range(40)} == {"0.9", "1.0", "1.1"}
    assert {drawn("-1", "1", seed=s) for s in range(40)} == {"-1", "0", "1"}
    assert drawn("0.50", "0.5") == "0.50"


@pytest.mark.parametrize("arguments", [(), ("1",), ("1", "b"), ("2", "1"), ("1", "2", "3")])
def test_it_is_refused_without_two_numbers(arguments: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest, match="two numbers were expected, the lower first"):
        drawn(*arguments)
