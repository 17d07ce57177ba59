"""Choices are made by the seed alone, or in every way."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.contracts.errors import BadRequest
from webui.prompt.choices import Option, parse_entry
from webui.prompt.drawing import draw_prompt, every_prompt

FILES = {
    "colour": ["red", "green", "0::black", "{dark|light} blue"],
    "thing": ["a __colour__ boat", "a tree"],
    "circle": ["__circle__"],
    "swarm": ["__swarm2__" * 90],
    "swarm2": ["__swarm3__" * 90],
    "swarm3": ["{a|b}" * 90],
    "long": ["x" * 19_000],
    "empty": [],
}


def entries(name: str) -> Sequence[Option]:
    return [parse_entry(line) for line in FILES[name]]


def drawn(prompt: str, count: int = 300) -> Counter[str]:
    return Counter(draw_prompt(prompt, str(seed), entries) for seed in range(count))


def test_every_option_comes_and_none_of_weight_nothing() -> None:
    assert set(drawn("__colour__")) == {"red", "green", "dark blue", "light blue"}


def test_a_weight_says_how_often() -> None:
    seen = drawn("{3::a|b}", 1000)
    assert 690 < seen["a"] < 810
    assert sum(seen.values()) == 1000


def test_several_are_drawn_without_a_repeat_in_any_order() -> None:
    assert set(drawn("{2$$a|b|c}")) == {
        "a, b", "a, c", "b, a", "b, c", "c, a", "c, b",
    }  # fmt: skip


def test_a_range_draws_each_number_of_options_and_a_joiner_joins_them() -> None:
    seen = drawn("{1-2$$ and $$a|b}", 400)
    assert set(seen) == {"a", "b", "a and b", "b and a"}
    assert 140 < seen["a"] + seen["b"] < 260


def test_more_than_there_is_gives_what_there_is() -> None:
    assert set(drawn("{9$$+$$a|b}")) == {"a+b", "b+a"}


def test_several_of_a_wildcard_are_different_entries() -> None:
    for text in drawn("{2$$ / $$__colour__}"):
        first, second = text.split(" / ")
        assert first.split()[-1] != second.split()[-1]


def test_wildcards_nest() -> None:
    assert "a red boat" in drawn("__thing__")
    assert "a tree" in drawn("__thing__")


PROMPTS = st.text(alphabet="ab {}|$2-:", max_size=40)


@given(PROMPTS, st.integers(0, 2**32 - 1))
def test_what_is_drawn_is_a_function_of_the_seed(prompt: str, seed: int) -> None:
    assert draw_prompt(prompt, str(seed)) == draw_prompt(prompt, str(seed))


@given(PROMPTS, st.integers(0, 99))
def test_what_is_drawn_is_among_all_that_can_be_drawn(prompt: str, seed: int) -> None:
    ways = set(itertools.islice(every_prompt(prompt), 5000))
    assert len(ways) == 5000 or draw_prompt(prompt, str(seed)) in ways


def test_known_seeds_draw_what_they_always_drew() -> None:
    texts = [draw_prompt("{red|green|blue} {2$$a|b|c}", f"{seed} prompt") for seed in (0, 1, 7)]
    assert texts == KNOWN


KNOWN = ["blue b, c", "blue c, a", "blue a, c"]


def test_every_way_is_walked_with_the_last_choice_first() -> None:
    assert list(every_prompt("{a|b} {1|2}")) == ["a 1", "a 2", "b 1", "b 2"]
    assert list(every_prompt("__thing__", entries)) == [
        "a red boat", "a green boat", "a dark blue boat", "a light blue boat", "a tree",
    ]  # fmt: skip
    assert list(every_prompt("{2$$__colour__}", entries))[:3] == [
        "red, green", "red, dark blue", "red, light blue",
    ]  # fmt: skip
    assert list(every_prompt("plain")) == ["plain"]


def test_walking_takes_no_more_than_is_asked_for() -> None:
    assert len(list(itertools.islice(every_prompt("{a|b}" * 3000), 50))) == 50


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("__circle__", "nest more than 20 deep"),
        ("__swarm__", "more than 20000 choices"),
        ("__long__ __long__", "has 38001 characters"),
        ("__empty__", "'empty' has no entry"),
    ],
)
def test_what_has_no_end_is_a_sentence(prompt: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        draw_prompt(prompt, "1", entries)
    with pytest.raises(BadRequest, match=says):
        next(every_prompt(prompt, entries))


def test_without_wildcards_a_name_is_unknown() -> None:
    with pytest.raises(BadRequest, match="No wildcards are installed"):
        draw_prompt("__colour__", "1")
