"""Square brackets and what separates their parts."""

from webui.prompt.brackets import Bracket, square_brackets


def test_each_pair_has_its_own_separators() -> None:
    assert square_brackets("[a:[b|c]:3]") == {0: Bracket(10, [], [2, 8]), 3: Bracket(7, [5], [])}


def test_separators_in_round_brackets_are_not_of_the_square_ones() -> None:
    assert square_brackets("[(a:2):3]") == {0: Bracket(8, [], [6])}
    assert square_brackets("[(a|b]") == {0: Bracket(5, [], [])}


def test_what_has_no_partner_or_is_escaped_is_not_there() -> None:
    assert square_brackets(r"] [ \[a|b\] ((") == {}
    assert square_brackets(r"[a\]|b]") == {0: Bracket(6, [4], [])}
