"""The tokenizer of BERT (Devlin et al. 2019): lower-case words, cut into pieces of a vocabulary file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

from webui.contracts.errors import BrokenModel
from webui.prompt.tokens import TokenFrame

USUAL_LENGTH = 77
"""Tokens of a row of the paper's own models, start and end included."""
_START, _END, _PADDING, _UNKNOWN = "[CLS]", "[SEP]", "[PAD]", "[UNK]"


@dataclass(frozen=True)
class WordPieces:
    """A tokenizer of word pieces, and the rows that its tokens are laid into."""

    tokenizer: Tokenizer
    frame: TokenFrame

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text, without start and end."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def read_word_pieces(file: Path, length: int = USUAL_LENGTH) -> WordPieces:
    """Read a `vocab.txt`: a piece a line, its number that of the line from 0.

    Raises:
        BrokenModel: it cannot be read, or lacks a piece that frames a row.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BrokenModel(f"The vocabulary {str(file)!r} cannot be read: {error}.") from error
    numbers = {line.strip(): number for number, line in enumerate(lines)}
    missing = [piece for piece in (_START, _END, _PADDING, _UNKNOWN) if piece not in numbers]
    if missing:
        raise BrokenModel(
            f"The vocabulary {str(file)!r} has no {' or '.join(missing)}; it is not one of BERT's word pieces."
        )
    tokenizer = Tokenizer(WordPiece(numbers, unk_token=_UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    frame = TokenFrame(
        numbers[_START], numbers[_END], numbers[_PADDING], length, comma=numbers.get(",")
    )
    return WordPieces(tokenizer, frame)
