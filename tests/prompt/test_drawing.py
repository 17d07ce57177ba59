"""Choices are made by the seed alone, or in every way."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.contracts.errors import BadRequest, UnknownVariable
from webui.prompt.choices import parse_entry
from webui.prompt.drawing import draw_prompt, every_prompt
from webui.prompt.nodes import Option

FILES = {
    "colour": ["red", "green", "0::black", "{dark|light} blue"],
    "thing": ["a __colour__ boat", "a tree"],
    "circle": ["__circle__"],
    "swarm": ["__swarm2__" * 90],
    "swarm2": ["__swarm3__" * 90],
    "swarm3": ["{a|b}" * 90],
    "long": ["x" * 19_000],
    "empty": [],
    "coat": ["a ${hue} coat", "a ${hue:grey} hat"],
    "warm_things": ["a stove"],
    **{f"deep{i}": ["{" * 45 + f"__deep{i + 1}__" + "}" * 45] for i in range(15)},
    "deep15": ["x"],
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


def test_a_variable_makes_its_choice_anew_or_once() -> None:
    assert set(drawn("${a={x|y}}${a}${a}")) == {"xx", "xy", "yx", "yy"}
    assert set(drawn("${a=!{x|y}}${a}${a}")) == {"xx", "yy"}


def test_a_variable_holds_wherever_it_is_set_and_within() -> None:
    assert draw_prompt("In ${a}, {${a} it is}. ${a=spring}", "1") == "In spring, spring it is. "
    assert draw_prompt("{${a=inner}${a}} ${a:outer}", "1") == "inner outer"


def test_a_value_may_read_what_was_set_before() -> None:
    assert draw_prompt("${a=x}${a=!${a}y}${b=${a}${a}}${b}", "1") == "xyxy"


def test_a_value_that_is_there_already_can_stay() -> None:
    assert draw_prompt("${a=x}${a?=y}${b?=z}${a}${b}", "1") == "xz"


def test_entries_read_what_is_set_around_them_and_what_they_are_handed() -> None:
    assert set(drawn("${hue=red}__coat__")) == {"a red coat", "a red hat"}
    assert set(drawn("${hue=red}__coat(hue=very ${hue})__")) == {
        "a very red coat",
        "a very red hat",
    }
    assert set(drawn("{2$$ and $$__coat(hue=!{x|y})__}")) == {
        f"a {hue} {one} and a {hue} {other}"
        for hue in "xy"
        for one, other in (("coat", "hat"), ("hat", "coat"))
    }


def test_a_variable_may_be_part_of_a_wildcards_name() -> None:
    assert draw_prompt("${kind=warm}__${kind}_things__", "1", entries) == "a stove"


def test_variables_are_walked_too_the_ones_that_choose_once_first() -> None:
    assert list(every_prompt("${a=!{x|y}}{1|2}${a}${a}")) == ["1xx", "2xx", "1yy", "2yy"]
    assert list(every_prompt("${a={x|y}}${a}${a}")) == ["xx", "xy", "yx", "yy"]
    assert list(every_prompt("__coat(hue=!{x|y})__", entries)) == [
        "a x coat", "a x hat", "a y coat", "a y hat",
    ]  # fmt: skip


def test_options_in_turn_follow_the_seed() -> None:
    said = [draw_prompt("{@a|b|c} __@colour__", "x", entries, turn) for turn in range(4, 8)]
    assert [text[0] for text in said] == ["b", "c", "a", "b"]
    assert [text.split()[-1] for text in said] == ["green", "blue", "red", "green"]
    assert draw_prompt("{@2$$a|b|c}", "x", entries, 4) == "b, a"
    assert list(every_prompt("{@a|b}")) == ["a", "b"]


def test_a_name_that_nothing_set_is_a_sentence_with_its_neighbours() -> None:
    says = r"Nothing in the prompt says what '\$\{coluor\}' is. Did you mean \$\{colour\}\?"
    with pytest.raises(UnknownVariable, match=says):
        draw_prompt("${colour=red}${coluor}", "1")
    with pytest.raises(UnknownVariable, match=r"what '.\{a\}' is\. Set it before"):
        draw_prompt("${a=${b}}${b=${a}}${a}", "1")


PROMPTS = st.text(alphabet="ab {}|$2-:", max_size=40)
VARIABLES = st.lists(
    st.sampled_from(["${a=x}", "${a=!{x|y}}", "${a={x|y}}", "${b={${a:z}|w}}", "${a:u}", "${b:v}", "{p|q}", " "]),
    max_size=8,
).map("".join)  # fmt: skip


@given(PROMPTS.filter(lambda text: "${" not in text) | VARIABLES, st.integers(0, 2**32 - 1))
def test_what_is_drawn_is_a_function_of_the_seed(prompt: str, seed: int) -> None:
    assert draw_prompt(prompt, str(seed)) == draw_prompt(prompt, str(seed))


@given(PROMPTS.filter(lambda text: "${" not in text) | VARIABLES, st.integers(0, 99))
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
        (
            "${a={x|y}${b}${b}}${b=${c}${c}}" + "${c=" + "{x|y}" * 9000 + "}${a}",
            "more than 20000 choices",
        ),
        ("__deep0__", "nest too deep"),
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
