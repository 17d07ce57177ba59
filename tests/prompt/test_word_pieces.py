from __future__ import annotations

from pathlib import Path

import pytest
from transformers.models.bert.tokenization_bert import BertTokenizer

from webui.contracts.errors import BrokenModel
from webui.prompt.tokens import TokenFrame
from webui.prompt.word_pieces import read_word_pieces

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ",",
    "red",
    "house",
    "##s",
    "cafe",
    "!",
    "湖",
    "l",
]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", "utf-8")
    return tmp_path / "vocab.txt"


@pytest.mark.parametrize(
    "text", ["The red HOUSES, café!", "", "湖湖 red,house", "x" * 200, "reds\u200d l\tl"]
)
def test_it_reads_as_transformers_does(vocabulary: Path, text: str) -> None:
    theirs = BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)}, do_lower_case=True)
    expected = theirs(text, add_special_tokens=False).input_ids
    assert read_word_pieces(vocabulary).tokenize(text) == expected


def test_rows_are_framed_as_berts_are(vocabulary: Path) -> None:
    assert read_word_pieces(vocabulary).frame == TokenFrame(2, 3, 0, 77, comma=5)


def test_a_word_cannot_end_a_row(vocabulary: Path) -> None:
    assert 3 not in read_word_pieces(vocabulary).tokenize("red [SEP] house")


def test_another_kind_of_vocabulary_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("a\n[PAD]\n")
    with pytest.raises(BrokenModel, match=r"no \[CLS\] or \[SEP\] or \[UNK\]"):
        read_word_pieces(tmp_path / "vocab.txt")
    with pytest.raises(BrokenModel, match="cannot be read"):
        read_word_pieces(tmp_path / "none.txt")
