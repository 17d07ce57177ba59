"""The vocabulary of CLIP's tokenizer (Radford et al. 2021), which single files do not bring along.

It is data of the package open_clip_torch, read without importing that: a list of merges of byte pairs, of which
CLIP takes the first 48,894. The words' numbers follow from their order.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from webui.contracts.errors import BrokenModel

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
WORDS = 49_408
"""Of CLIP: 256 bytes, the same as ends of words, the merges, start and end."""
_MERGES = WORDS - 2 * 256 - 2
_PACKAGE, _FILE = "open_clip_torch", "open_clip/bpe_simple_vocab_16e6.txt.gz"


@dataclass(frozen=True)
class ClipVocabulary:
    """What a tokenizer of byte pairs is made of."""

    words: dict[str, int]
    merges: list[tuple[str, str]]


def clip_vocabulary() -> ClipVocabulary:
    """Read it; a tenth of a second.

    Raises:
        BrokenModel: the package is not installed or has another file.
    """
    try:
        file = Path(str(metadata.distribution(_PACKAGE).locate_file(_FILE)))
        lines = gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()
    except (metadata.PackageNotFoundError, OSError, EOFError, UnicodeDecodeError) as error:
        raise BrokenModel(
            f"The vocabulary of CLIP cannot be read from the package {_PACKAGE!r}: {error}. Start Easel with "
            "launch.py, which installs it."
        ) from error
    pairs = [line.split() for line in lines[1 : _MERGES + 1]]  # the first line is a version
    merges = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]
    if len(merges) != _MERGES:
        raise BrokenModel(
            f"The vocabulary in {str(file)!r} has {len(merges)} merges where CLIP's has {_MERGES}. Start "
            "Easel with launch.py, which installs the right one."
        )
    letters = _letters()
    words = [*letters, *(letter + WORD_END for letter in letters)]
    words += ["".join(pair) for pair in merges]
    return ClipVocabulary({word: i for i, word in enumerate([*words, START, END])}, merges)


def _letters() -> list[str]:
    """A visible character for each byte: its own where it has one, else one from U+0100 on."""
    visible = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), 256),
    ]
    others = len(set(range(256)) - set(visible))
    return [chr(byte) for byte in visible] + [chr(256 + i) for i in range(others)]
