"""Names of embeddings in a prompt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webui.prompt.embeddings import names_in, parts_of

NAMES = ("chalk", "chalk-v2", "old map")


def test_a_name_counts_as_a_word_of_its_own_whatever_its_capitals() -> None:
    assert names_in("a boat, (Chalk:1.2), chalky, old maps, an OLD MAP", NAMES) == (
        "chalk",
        "old map",
    )


def test_the_longer_of_two_names_counts() -> None:
    assert names_in("in chalk-v2 style", NAMES) == ("chalk-v2",)


def test_a_text_is_cut_at_the_names() -> None:
    assert list(parts_of("a chalk, b", NAMES)) == [
        ("a ", None), ("", "chalk"), (", b", None),
    ]  # fmt: skip
    assert list(parts_of("chalk", NAMES)) == [("", "chalk")]
    assert list(parts_of("", NAMES)) == [("", None)]
    assert list(parts_of("a chalk", ())) == [("a chalk", None)]


@given(st.text(alphabet="chalk-v2 ,", max_size=60))
def test_no_letter_is_lost(text: str) -> None:
    pieces = [piece if name is None else name for piece, name in parts_of(text, NAMES)]
    assert "".join(pieces) == text
