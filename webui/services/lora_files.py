"""What the header of a LoRA's file says of it: which models it is for, what it was trained on, which words call it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import MARKS, TEXT_2, UNET, Place, pieces_in
from webui.services.header_notes import LONGEST, training_of, trigger_words
from webui.services.known_files import read_drawable
from webui.weights.peft_scales import has_scaled_kernels, read_scales
from webui.weights.peft_turns import block_side, has_peft_turns, read_turns

BASES: Mapping[str, int] = {
    "SD 1": 768, "SD 2": 1024, "SDXL": 2048, "SDXL refiner": 1280, "SD 3": 4096, "FLUX": 4096,
}  # fmt: skip
"""What a LoRA is made for, and the width of the text tokens there."""
_STATED = (
    ("sdxl", "SDXL"), ("stable-diffusion-xl", "SDXL"), ("flux", "FLUX"), ("sd3", "SD 3"),
    ("stable-diffusion-3", "SD 3"), ("sd_v2", "SD 2"), ("stable-diffusion-v2", "SD 2"),
    ("sd_v1", "SD 1"), ("sd_1", "SD 1"), ("stable-diffusion-v1", "SD 1"),
)  # fmt: skip
"""How `ss_base_model_version` and `modelspec.architecture` begin, and the base that is meant."""
_MOST_TAGS = 20


def describe_lora(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what the menu needs of a LoRA's file; title and description are `modelspec`'s.

    Raises:
        NotAModel: it holds no tensors of a LoRA.
        LacksFile: it is an OFT or (IA)^3 of PEFT that means nothing without its configuration.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_drawable(file)
    pieces = pieces_in(header.shapes)
    if not any(MARKS & set(found) for found in pieces.values()):
        raise NotAModel(
            "It lies in a folder of LoRAs, but its tensors are in no dialect of LoRA: none has 'lora_A' and "
            "'lora_B', 'lora_down' and 'lora_up', 'hada_w1_a', 'lokr_w1', 'oft_blocks' or 'diff' in its name."
        )
    if has_peft_turns(header.shapes):
        read_turns(file)
    if has_scaled_kernels(header.shapes):
        read_scales(file)
    said = header.metadata
    width = text_width(pieces, header.shapes)
    base = base_of(pieces, width, said)
    return AdapterInfo(
        adapter, "lora", said.get("modelspec.title", "") or file.stem, str(file.resolve()),
        file.stat().st_size, description=said.get("modelspec.description", ""),
        base=base, text_width=width or BASES.get(base, 0),
        trigger_words=trigger_words(said),
        tags=most_frequent_tags(said.get("ss_tag_frequency", "")),
        training=training_of(said),
        hash=said.get("sshs_model_hash", ""),
    )  # fmt: skip


def text_width(
    pieces: Mapping[Place, Mapping[str, str]], shapes: Mapping[str, tuple[int, ...]]
) -> int:
    """Width of the text tokens that the changed UNet reads; 0 where the file does not show it."""
    for (part, name), found in pieces.items():
        if part != UNET or not name.endswith(("attn2_to_k", "attn2_to_v")):
            continue
        for piece in ("down", "hada_w1_b", "diff"):
            if piece in found and len(shapes[found[piece]]) > 1:
                return shapes[found[piece]][1]
        sides = [_kronecker_side(found, shapes, name) for name in ("lokr_w1", "lokr_w2")]
        if all(sides):
            return sides[0] * sides[1]
        if "a1" in found:  # GLoRA's (in, rank), or turned round
            return max(shapes[found["a1"]], default=0)
        if "oft_R" in found:
            return _turned_inputs(shapes[found["oft_R"]])
    return 0


def _turned_inputs(shape: tuple[int, ...]) -> int:
    """How many inputs an OFT of PEFT turns; 0 where one block may turn all, or none has this shape."""
    if len(shape) != 2 or shape[0] < 2:
        return 0
    try:
        return shape[0] * block_side(shape[1])
    except ValueError:
        return 0


def _kronecker_side(
    found: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]], name: str
) -> int:
    key = found.get(name, found.get(f"{name}_b", ""))
    shape = shapes.get(key, ())
    return shape[1] if len(shape) > 1 else 0


def base_of(pieces: Mapping[Place, Mapping[str, str]], width: int, said: Mapping[str, str]) -> str:
    """What kind of model it is for, a key of BASES; empty where neither tensors nor header tell."""
    names = [name for part, name in pieces if part == UNET]
    if any("single_transformer_blocks" in name or "double_blocks" in name for name in names):
        return "FLUX"
    if any("joint_blocks" in name or "attn_add_k_proj" in name for name in names):
        return "SD 3"
    if known := base_of_width(width):
        return known
    if any(part == TEXT_2 for part, _ in pieces):
        return "SDXL"
    stated = (
        f"{said.get('ss_base_model_version', '')} {said.get('modelspec.architecture', '')}".lower()
    )
    return next((base for mark, base in _STATED if mark in stated), "") if not width else ""


def base_of_width(width: int) -> str:
    """What kind of model reads text of this width, a key of BASES; empty where none is known to."""
    return next((base for base, own in BASES.items() if own == width), "")


def most_frequent_tags(text: str) -> tuple[str, ...]:
    """The most frequent tags of kohya's `ss_tag_frequency`: JSON of folders of tags and counts."""
    try:
        folders = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return ()
    counts = Counter[str]()
    for tags in folders.values() if isinstance(folders, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if isinstance(count, int):
                counts[tag.strip()[:LONGEST]] += count
    return tuple(tag for tag, _ in counts.most_common(_MOST_TAGS) if tag)
