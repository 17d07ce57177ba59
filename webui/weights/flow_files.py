"""Stable Diffusion 3 and FLUX with text encoders and first stage in one file, as ComfyUI names their weights.

What such a file does not hold is the tokenizer of T5: its `tokenizer.json` is looked for beside the file, or in a folder
of that model's name there or further up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from webui.contracts.errors import BrokenModel
from webui.weights.ldm_unet import UNET, Shapes

MARKS = {
    "flux": "double_blocks.0.img_attn.qkv.weight",
    "sd3": "joint_blocks.0.x_block.attn.qkv.weight",
}
"""A name that a family's transformers have."""
CLIP_L = "text_encoders.clip_l.transformer."
CLIP_G = "text_encoders.clip_g.transformer."
T5 = "text_encoders.t5xxl.transformer."
"""Prefixes of the text encoders, which have transformers' names."""
CLIP_WORDS = "text_model.embeddings.token_embedding.weight"
T5_WORDS = "shared.weight"
FIRST_STAGES = ("first_stage_model.", "vae.")
"""Prefixes that a first stage may have."""
FIRST_LATENT = "decoder.conv_in.weight"
T5_FOLDER, TOKENIZER = "t5-v1_1-xxl", "tokenizer.json"
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "sd3": (CLIP_L + CLIP_WORDS, CLIP_G + CLIP_WORDS),
    "flux": (CLIP_L + CLIP_WORDS, T5 + T5_WORDS),
}
"""Without which a family draws nothing."""
_FOLDERS_UP = 4
_T5_WORDS = {"<pad>": 0, "</s>": 1}
"""Tokens of every T5, by which its tokenizer is told from others."""


def whole_family(shapes: Shapes) -> str | None:
    """Whose the file is, where it holds all that is drawn with; None of any other file."""
    family = next((name for name, mark in MARKS.items() if UNET + mark in shapes), None)
    if family is None or first_stage_of(shapes) is None:
        return None
    return family if all(name in shapes for name in _NEEDED[family]) else None


def first_stage_of(shapes: Shapes) -> str | None:
    """Prefix of the first stage; None where there is none."""
    return next((prefix for prefix in FIRST_STAGES if prefix + FIRST_LATENT in shapes), None)


def t5_places(file: Path) -> list[Path]:
    """Where the tokenizer of T5 is looked for, in order; the second is where to put it."""
    folder = file.parent
    above = [folder, *folder.parents][:_FOLDERS_UP]
    return [folder / TOKENIZER, *(up / T5_FOLDER / TOKENIZER for up in above)]


def find_t5_tokenizer(file: Path) -> Path | None:
    """The tokenizer of T5 for a file of weights; None where it is not there.

    Raises:
        BrokenModel: what lies there is another model's, or damaged.
    """
    found = next((place for place in t5_places(file) if place.is_file()), None)
    if found is not None:
        _check(found)
    return found


def _check(file: Path) -> None:
    try:
        said = json.loads(file.read_text("utf-8"))
        tokens = {token["content"]: token["id"] for token in said["added_tokens"]}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BrokenModel(
            f"{str(file)!r} is no tokenizer that can be read: {str(error)[:100]}."
        ) from error
    if any(tokens.get(word) != number for word, number in _T5_WORDS.items()):
        raise BrokenModel(
            f"{str(file)!r} is not the tokenizer of T5, which the model reads with. Put {TOKENIZER} of google/{T5_FOLDER} "
            f"into a folder {T5_FOLDER!r} beside the model."
        )
