"""Tokenizers without torch count as the engine's do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.errors import BrokenModel
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.services.tokenizers import Tokenizers, read_tokenizer

STARTER = Path(__file__).parents[2] / "models" / "starter" / "text" / "tokenizer"
TEXTS = (
    "", "a red house on the left, GREEN meadow", "it's 1234  o'clock\n\tnow!!", "日本 🚤 café",
    "cafe\u0301, <|endoftext|> x", ",,, (a:1.2)",
)  # fmt: skip


@pytest.fixture(scope="module")
def theirs() -> CLIPTokenizer:
    made: CLIPTokenizer = CLIPTokenizer.from_pretrained(STARTER, local_files_only=True)
    return made


def split(folder: Path, tokenizer: CLIPTokenizer) -> Path:
    """The tokenizer in two files, as the first models had it."""
    tokenizer.backend_tokenizer.model.save(str(folder))
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + (folder / "merges.txt").read_text("utf-8"), "utf-8"
    )
    return folder


@pytest.mark.parametrize("old", [False, True])
def test_a_text_has_the_tokens_that_the_engine_gives_it(
    theirs: CLIPTokenizer, tmp_path: Path, old: bool
) -> None:
    ready = read_tokenizer(split(tmp_path, theirs) if old else STARTER)
    for text in TEXTS:
        expected = theirs(text, add_special_tokens=False).input_ids
        assert list(ready.tokenize(text)) == expected, text
    frame = ready.frame
    assert (frame.start, frame.end, frame.content) == (
        theirs.bos_token_id, theirs.eos_token_id, 75,
    )  # fmt: skip
    assert [frame.comma] == theirs(",", add_special_tokens=False).input_ids


def test_a_model_is_read_once_and_one_without_tokenizer_has_none() -> None:
    kept = Tokenizers()
    first = kept.of(FAKE_CHECKPOINT)
    assert first is not None
    assert kept.of(FAKE_CHECKPOINT) is first
    assert kept.of(replace(FAKE_CHECKPOINT, parts=())) is None


def test_a_single_file_is_read_with_clips_own_vocabulary() -> None:
    ready = Tokenizers().of(replace(FAKE_CHECKPOINT, parts=(), vocabulary="clip"))
    assert ready is not None
    assert list(ready.tokenize("A photo of a cat.")) == [320, 1125, 539, 320, 2368, 269]
    assert (ready.frame.start, ready.frame.end, ready.frame.length) == (49406, 49407, 77)
    assert ready.frame.comma == 267


def test_the_length_is_that_of_the_text_encoder(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 12}')
    parts = (("tokenizer", str(STARTER)), ("text_encoder", str(tmp_path)))
    ready = Tokenizers().of(replace(FAKE_CHECKPOINT, parts=parts))
    assert ready is not None
    assert ready.frame.content == 10


def test_a_damaged_tokenizer_is_named_and_counts_nothing(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"vocab\.json"):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BrokenModel, match="cannot be read"):
        read_tokenizer(tmp_path)
    damaged = replace(FAKE_CHECKPOINT, parts=(("tokenizer", str(tmp_path)),))
    assert Tokenizers().of(damaged) is None


def test_word_pieces_are_counted_too(tmp_path: Path) -> None:
    pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "house", "##s", ",")
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", "utf-8")
    ready = read_tokenizer(tmp_path)
    assert list(ready.tokenize("Red houses, oak")) == [4, 5, 6, 7, 1]
    assert (ready.frame.start, ready.frame.end, ready.frame.comma) == (2, 3, 7)
