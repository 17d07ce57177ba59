"""CLIP text encoders and their tokenizers from a diffusers folder."""

from __future__ import annotations

from typing import Any

import torch
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPTextModelWithProjection
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT, TEXT_2
from webui.engine.clip import ClipTower
from webui.engine.families.parts import load_part, part_folder
from webui.engine.shared_networks import Place
from webui.prompt.tokens import TokenFrame

TOKENIZERS = {TEXT: "tokenizer", TEXT_2: "tokenizer_2"}
"""Text encoder to its tokenizer, by the names of their folders."""


def read_tower(
    checkpoint: CheckpointInfo,
    part: str,
    place: Place,
    dtype: torch.dtype,
    *,
    projects: bool,
) -> ClipTower:
    """A text encoder that is read at its last layer but one, without the final norm.

    Args:
        checkpoint: Whose.
        part: 'text_encoder' or 'text_encoder_2'.
        place: Where it runs.
        dtype: In which precision.
        projects: Whether it says of the text as a whole what CLIP compares with pictures.
    """
    kind: Any = CLIPTextModelWithProjection if projects else CLIPTextModel
    encoder = load_part(kind, part_folder(checkpoint, part), place, dtype=dtype)
    folder = part_folder(checkpoint, TOKENIZERS[part])
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    frame = token_frame(tokenizer, int(encoder.config.max_position_embeddings))
    return ClipTower(
        encoder,
        lambda text: token_ids(tokenizer, text),
        frame,
        part,
        least_skip=2,
        normalised=False,
    )


# Any, here and below: the tokenizer's attributes are untyped.
def token_frame(tokenizer: Any, length: int) -> TokenFrame:
    """What stands around the content of a row of `length` tokens."""
    pad = tokenizer.pad_token_id
    end = tokenizer.eos_token_id
    comma = tokenizer(",", add_special_tokens=False).input_ids
    return TokenFrame(
        start=tokenizer.bos_token_id,
        end=end,
        padding=end if pad is None else pad,
        length=length,
        comma=comma[0] if len(comma) == 1 else None,
    )


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a text, without start and end."""
    encoded = tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)
    return [int(token) for token in encoded.input_ids]
