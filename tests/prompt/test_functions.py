"""Functions of the prompt language: where they are read, what they are called with, and that a seed's words come again."""

from __future__ import annotations

import pytest

from webui.contracts.errors import UnknownPromptFunction
from webui.contracts.prompt_functions import PromptCall, PromptFunction
from webui.prompt.drawing import draw_prompt, every_prompt


def functions(name: str) -> PromptFunction:
    """One that shows what it is called with, and one that draws."""
    known = {"own/show": lambda call: "<" + ";".join(call.arguments) + ">", "roll": rolled}
    if name not in known:
        raise UnknownPromptFunction(name, sorted(known))
    return known[name]


def rolled(call: PromptCall) -> str:
    return str(call.chance.random())


def said(prompt: str, seed: str = "1") -> str:
    return draw_prompt(prompt, seed, functions=functions)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a ${own/show(red)} boat", "a <red> boat"),
        ("${own/show()}", "<>"),
        ("${own/show( a | b, (c:1.2) |)}", "<a;b, (c:1.2);>"),
        ("${hue=red}${own/show({x}|${hue}|${own/show(in)})}", "<x;red;<in>>"),
        ("${own/show(a) b}", "$own/show(a) b"),
        ("$own/show(a)", "$own/show(a)"),
        ("$\\{own/show(a)\\}", "${own/show(a)}"),
    ],
)
def test_a_call_is_its_words_and_what_is_none_is_text(prompt: str, words: str) -> None:
    assert said(prompt) == words


def test_what_it_says_is_text_in_which_nothing_is_chosen() -> None:
    assert draw_prompt("${f()}", "1", functions=lambda _: lambda _: "{a|b} ${c}") == "{a|b} ${c}"


def test_chance_is_the_seed_s_and_each_call_s_own() -> None:
    twice = said("${roll()} ${roll()}")
    assert twice == said("${roll()} ${roll()}")
    assert len(set(twice.split())) == 2
    assert twice != said("${roll()} ${roll()}", "2")


def test_every_way_to_say_its_arguments_is_a_way() -> None:
    ways = list(every_prompt("${own/show({a|b}|{1|2})}", functions=functions))
    assert ways == ["<a;1>", "<a;2>", "<b;1>", "<b;2>"]
    assert list(every_prompt("${roll()}", functions=functions)) == list(
        every_prompt("${roll()}", functions=functions)
    )


def test_an_unknown_one_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownPromptFunction, match=r"'own/shout'; there are own/show, roll"):
        said("${own/shout(a)}")
