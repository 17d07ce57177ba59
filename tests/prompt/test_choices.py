"""Choices are read as sd-dynamic-prompts reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.choices import parse_choices, parse_entry, split_outside
from webui.prompt.nodes import Assignment, Node, Option, Variable, Variants, Wildcard


def options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option((text,) if text else ()) for text in texts)


@pytest.mark.parametrize(
    ("prompt", "nodes"),
    [
        ("a boat", ("a boat",)),
        ("a {red|blue} boat", ("a ", Variants(options("red", "blue")), " boat")),
        ("{|x}", (Variants(options("", "x")),)),
        ("{2$$a|b}", (Variants(options("a", "b"), 2, 2),)),
        ("{1-2$$a|b}", (Variants(options("a", "b"), 1, 2),)),
        ("{-2$$a|b}", (Variants(options("a", "b"), 1, 2),)),
        ("{1-$$a|b}", (Variants(options("a", "b"), 1, None),)),
        ("{2$$ and $$a|b}", (Variants(options("a", "b"), 2, 2, " and "),)),
        ("{2$$$$a|b}", (Variants(options("a", "b"), 2, 2, ""),)),
        ("{3::a|.5::b|c}", (Variants((Option(("a",), 3), Option(("b",), 0.5), Option(("c",)))),)),
        ("__colour__", (Wildcard(("colour",)),)),
        ("__in/warm_*__!", (Wildcard(("in/warm_*",)), "!")),
        ("__a__ __b__", (Wildcard(("a",)), " ", Wildcard(("b",)))),
        ("{a|{b|c}}", (Variants((*options("a"), Option((Variants(options("b", "c")),)))),)),
        ("{[a|b]|c}", (Variants(options("[a|b]", "c")),)),
        ("{open", ("{open",)),
        ("closed}", ("closed}",)),
        ("a | b", ("a | b",)),
        (r"\{a\|b\} \__c__", (r"{a\|b} __c__",)),
        (r"{a\|b|c}", (Variants(options("a|b", "c")),)),
        (r"\(x\)", (r"\(x\)",)),
        ("${a}", (Variable("a"),)),
        ("${ a } b", (Variable("a"), " b")),
        ("${a:red}", (Variable("a", ("red",)),)),
        ("${a=red} b", (Assignment("a", ("red",)), "b")),
        ("${a = !{x|y} }", (Assignment("a", (Variants(options("x", "y")),), at_once=True),)),
        ("${a?=x|y}", (Assignment("a", ("x|y",), gives_way=True),)),
        ("{${a}|b}", (Variants((Option((Variable("a"),)), *options("b"))),)),
        ("${red|blue}", ("$", Variants(options("red", "blue")))),
        (r"$\{a\}", ("${a}",)),
        ("$ {a}", ("$ ", Variants(options("a")))),
        ("${open", ("${open",)),
        ("{@a|b}", (Variants(options("a", "b"), in_turn=True),)),
        ("{@2$$a|b}", (Variants(options("a", "b"), 2, 2, in_turn=True),)),
        ("{~a|b}{!a|b}", (Variants(options("a", "b")), Variants(options("a", "b")))),
        ("__@a__ __~b__", (Wildcard(("a",), in_turn=True), " ", Wildcard(("b",)))),
        (
            "__a(b=c, d=!{e|f})__",
            (
                Wildcard(
                    ("a",),
                    (
                        Assignment("b", ("c",)),
                        Assignment("d", (Variants(options("e", "f")),), at_once=True),
                    ),
                ),
            ),
        ),
        ("__a(b)__", ("__a(b)__",)),
        ("__in/${a}_*__", (Wildcard(("in/", Variable("a"), "_*")),)),
        ("a __ b __ c", ("a __ b __ c",)),
    ],
)
def test_it_is_read_as_users_of_the_field_know_it(prompt: str, nodes: tuple[Node, ...]) -> None:
    assert parse_choices(prompt) == nodes


def test_an_entry_of_a_wildcard_may_have_a_weight() -> None:
    assert parse_entry("0.5::red {a|b}") == Option(("red ", Variants(options("a", "b"))), 0.5)
    assert parse_entry("red::blue") == Option(("red::blue",))


def test_braces_deeper_than_anybody_writes_are_text_and_take_no_time() -> None:
    for prompt in ("{" * 10_000 + "}" * 10_000, "{[" * 5_000 + "]}" * 5_000, "[" * 20_000):
        assert parse_choices(prompt)


def test_bars_inside_of_brackets_do_not_split() -> None:
    assert split_outside("a|[b|c]|{d|e}|f[", "|") == ["a", "[b|c]", "{d|e}", "f["]


@given(st.text(alphabet="ab@~{}|$:_\\[]()=?!,1-2.*/ ", max_size=80))
def test_reading_never_fails(prompt: str) -> None:
    parse_choices(prompt)
    assert "|".join(split_outside(prompt, "|")) == prompt
