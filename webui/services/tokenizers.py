"""A model's tokenizer without torch: for counting, in the studio process.

The library `tokenizers` is what transformers reads with too, so the numbers are the engine's own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.prompt.clip_vocabulary import clip_vocabulary
from webui.prompt.tokens import TokenFrame
from webui.prompt.word_pieces import read_word_pieces
from webui.services.model_files import read_json
from webui.weights.signatures.flow import DEV

USUAL_LENGTH = 77
KEPT = 4
_START, _END = "<|startoftext|>", "<|endoftext|>"
_T5_END = "</s>"
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
"""What CLIP's tokenizer takes for a word (Radford et al. 2021)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadyTokenizer:
    """A tokenizer, and the rows that its tokens are laid into."""

    tokenizer: Tokenizer
    frame: TokenFrame

    def tokenize(self, text: str) -> Sequence[int]:
        """Token ids of a text, without start and end."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


class Tokenizers:
    """Reads tokenizers and keeps the last few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str | None, int], ReadyTokenizer] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, checkpoint: CheckpointInfo) -> ReadyTokenizer | None:
        """The model's tokenizer; None where it has none, or one that cannot be read."""
        part = "" if checkpoint.family in _READ_BY_T5 else "tokenizer"
        folder = checkpoint.part(part) or checkpoint.part("tokenizer_2")
        if folder is None and checkpoint.vocabulary != "clip":
            return None
        try:
            key = (folder, Path(folder).stat().st_mtime_ns if folder else 0)
            with self._lock:
                if key not in self._kept:
                    self._kept[key] = _read(folder, _length(checkpoint))
                self._kept.move_to_end(key)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
                return self._kept[key]
        except (OSError, BrokenModel) as error:
            _log.warning("The tokens of %s cannot be counted: %s", checkpoint.id, error)
            return None


def _read(folder: str | None, length: int) -> ReadyTokenizer:
    """That of a folder, or CLIP's own."""
    if folder is not None:
        return read_tokenizer(Path(folder), length)
    vocabulary = clip_vocabulary()
    return _ready(_byte_pairs(vocabulary.words, vocabulary.merges), length)


def read_tokenizer(folder: Path, length: int = USUAL_LENGTH) -> ReadyTokenizer:
    """Read `tokenizer.json`, or `vocab.json` and `merges.txt` as CLIP's tokenizer has them, or BERT's `vocab.txt`.

    Args:
        folder: Of a model's tokenizer.
        length: Tokens that its text encoder reads at once, start and end included.

    Raises:
        BrokenModel: the files are missing or damaged.
    """
    whole, pieces = folder / "tokenizer.json", folder / "vocab.txt"
    if pieces.is_file() and not (folder / "vocab.json").is_file() and not whole.is_file():
        read = read_word_pieces(pieces, length)
        return ReadyTokenizer(read.tokenizer, read.frame)
    try:
        tokenizer = Tokenizer.from_file(str(whole)) if whole.is_file() else _clip(folder)
        tokenizer.no_padding()
        tokenizer.no_truncation()
    except BrokenModel:
        raise
    except Exception as error:  # the library raises nothing narrower
        raise BrokenModel(f"The tokenizer in {str(folder)!r} cannot be read: {error}.") from error
    if tokenizer.token_to_id(_START) is None and tokenizer.token_to_id(_T5_END) is not None:
        t5_end = tokenizer.token_to_id(_T5_END) or 0
        return ReadyTokenizer(tokenizer, TokenFrame(None, t5_end, 0, length, most_rows=1))
    return _ready(tokenizer, length)


def _ready(tokenizer: Tokenizer, length: int) -> ReadyTokenizer:
    comma = tokenizer.encode(",", add_special_tokens=False).ids
    end = tokenizer.token_to_id(_END) or 0
    return ReadyTokenizer(
        tokenizer,
        TokenFrame(
            start=tokenizer.token_to_id(_START) or 0,
            end=end,
            padding=end,
            length=length,
            comma=comma[0] if len(comma) == 1 else None,
        ),
    )


def _clip(folder: Path) -> Tokenizer:
    vocabulary = read_json(folder / "vocab.json")
    lines = (folder / "merges.txt").read_text("utf-8").splitlines()
    merges = [
        (pair[0], pair[1]) for line in lines if len(pair := line.split()) == 2 and "#v" not in line
    ]
    return _byte_pairs(vocabulary, merges)


def _byte_pairs(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """CLIP's way to cut a text into words, and words by merges of byte pairs."""
    tokenizer = Tokenizer(
        BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token=_END, fuse_unk=False)
    )
    # Any: the library's members are untyped.
    tools: Any = normalizers
    tokenizer.normalizer = tools.Sequence(
        [tools.NFC(), tools.Replace(Regex(r"\s+"), " "), tools.Lowercase()]
    )
    words: Any = pre_tokenizers
    tokenizer.pre_tokenizer = words.Sequence(
        [
            words.Split(Regex(_WORDS), behavior="removed", invert=True),
            words.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.add_special_tokens([_START, _END])
    return tokenizer


def _length(checkpoint: CheckpointInfo) -> int:
    """Tokens that the text encoder reads at once."""
    if checkpoint.family in _READ_BY_T5:
        return _READ_BY_T5[checkpoint.family](checkpoint)
    folder = checkpoint.part("text_encoder") or checkpoint.part("text_encoder_2")
    try:
        config = json.loads((Path(folder or "") / "config.json").read_text("utf-8"))
        return int(config["max_position_embeddings"])
    except (OSError, ValueError, TypeError, KeyError):
        return USUAL_LENGTH


def _flux_length(checkpoint: CheckpointInfo) -> int:
    """A model that is told its guidance, as dev is, reads twice as many tokens as schnell."""
    if checkpoint.variant == DEV:
        return 512
    transformer = checkpoint.part("transformer")
    try:
        config = json.loads((Path(transformer or "") / "config.json").read_text("utf-8"))
        return 512 if config.get("guidance_embeds") else 256
    except (OSError, ValueError, AttributeError):
        return 256


_READ_BY_T5: Mapping[str, Callable[[CheckpointInfo], int]] = {"flux": _flux_length}
"""Families whose words T5 alone reads, in one row of a length that the network's folder, or its file, tells."""
