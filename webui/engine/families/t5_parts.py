"""T5's encoder and its tokenizer from a diffusers folder: what flow models read besides CLIP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers.models.t5.modeling_t5 import T5EncoderModel

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT_3
from webui.engine.emphasis import emphasised
from webui.engine.families.parts import load_part, part_folder
from webui.engine.shared_networks import Place
from webui.engine.work import EncodeText
from webui.prompt.tokens import TokenFrame, chunk_prompt

END, PADDING = 1, 0
"""Tokens of every T5."""


@dataclass(frozen=True, eq=False)
class T5Tower:
    """T5's encoder, which reads one row of fixed length."""

    encoder: nn.Module
    tokenize: Callable[[str], list[int]]
    frame: TokenFrame
    parts: tuple[str, ...] = ()
    """What LoRAs call it."""

    def read(self, work: EncodeText) -> Tensor:
        """(L, D) of the work's text, weights laid on; embeddings are read as the words of their names."""
        emphasis = work.reading.emphasis
        work.model.merged.use(self.parts, self.encoder, work.patches)
        chunks = chunk_prompt(work.text, self.tokenize, self.frame, emphasis=emphasis)
        ids = torch.tensor(chunks.rows, device=work.model.device)  # (1, L)
        encoded: Tensor = self.encoder(ids)[0]
        return emphasised(encoded.float(), chunks, keep_mean=emphasis != "No norm")[0]


def read_t5(
    checkpoint: CheckpointInfo,
    folders: tuple[str, str],
    length: int,
    place: Place,
    dtype: torch.dtype,
) -> T5Tower:
    """The encoder and the tokenizer in the named folders.

    Raises:
        ValueError: the tokenizer's folder has no `tokenizer.json`.
    """
    encoder = load_part(T5EncoderModel, part_folder(checkpoint, folders[0]), place, dtype=dtype)
    names = tuple({folders[0]: None, TEXT_3: None})
    return t5_tower(encoder, part_folder(checkpoint, folders[1]), length, names)


def t5_tower(encoder: nn.Module, folder: Path, length: int, names: tuple[str, ...]) -> T5Tower:
    """An encoder with the tokenizer in a folder; `names` are what LoRAs call it.

    Raises:
        ValueError: there is no `tokenizer.json`.
    """
    frame = TokenFrame(None, END, PADDING, length, most_rows=1)
    return T5Tower(encoder, read_t5_tokenizer(folder), frame, names)


def read_t5_tokenizer(folder: Path) -> Callable[[str], list[int]]:
    """Token ids of a text, without the end.

    Raises:
        ValueError: there is no `tokenizer.json`.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise ValueError(
            f"{str(folder)!r} has no tokenizer.json, which T5's tokenizer is read from; download it too"
        )
    # Any: the library is untyped.
    tokenizer: Any = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)
