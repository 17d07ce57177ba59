"""What the names of a LoRA file's tensors mean: a place in a model, and a piece of a change there.

diffusers and PEFT name modules as the networks do, `unet.mid_block...to_q.lora_A.weight`; kohya's scripts and
LyCORIS join the names by underscores, `lora_unet_mid_block_..._to_q.lora_down.weight` (kohya's OFT `oft_unet_...`,
SimpleTuner's LyCORIS `lycoris_...`, OneTrainer's of transformers `lora_transformer_...`); OneTrainer's newer files have
the names of the original code with points, and `clip_l.`, `clip_g.` and `t5.` before those of text encoders; XLabs names
FLUX's attention processors, `double_blocks.0.processor.qkv_lora1.down.weight`; files for SDXL often have the
names of the original code, `lora_unet_middle_block_1_..._to_q`. All become (part, diffusers' name joined by
underscores). The pieces are those of the dialects in `engine/adapters/dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

UNET, TEXT, TEXT_2, TEXT_3 = "unet", "text_encoder", "text_encoder_2", "text_encoder_3"
Place = tuple[str, str]
"""Part of a model, and a module in it, its dotted name joined by underscores."""

_PREFIXES = (
    ("lora_unet_", UNET), ("lora_te1_", TEXT), ("lora_te2_", TEXT_2), ("lora_te3_", TEXT_3), ("lora_te_", TEXT),
    ("oft_unet_", UNET), ("lycoris_", UNET), ("lora_transformer_", UNET),
    ("base_model.model.unet.", UNET), ("base_model.model.", UNET), ("unet.", UNET), ("transformer.", UNET),
    ("clip_l.", TEXT), ("clip_g.", TEXT_2), ("t5.", TEXT_3),
    ("diffusion_model.", UNET), ("text_encoder_2.", TEXT_2), ("text_encoder_3.", TEXT_3), ("text_encoder.", TEXT),
)  # fmt: skip
_BARE = re.compile(r"(?:down_blocks|mid_block|up_blocks|conv_in|conv_out|time_embedding)[._]")
"""Beginnings of names that the first diffusers wrote without the UNet's prefix."""

_HALF = r"[._]lora(?:_{0}|_{1}|\.{1}|_linear_layer\.{1})(?:\.default)?\.weight"
LISTED = tuple(f"oft_blocks_{part}" for part in range(4))
"""Blocks of OFT for each of the layers that one of FLUX's is (kohya); the first alone where it is one layer."""
_PIECES: Mapping[str, str] = {
    "down": _HALF.format("A", "down"),
    "up": _HALF.format("B", "up"),
    "mid": r"[._]lora_mid\.weight",
    "magnitude": r"\.dora_scale|[._]lora_magnitude_vector(?:\.default)?(?:\.weight)?",
    **{
        name: rf"\.{name}"
        for name in (
            "alpha", "diff_b", "diff", "w_norm", "b_norm", "on_input",
            "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
            "lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "lokr_w1", "lokr_w2",
            "oft_blocks", "oft_diag", "rescale",
        )
    },
    **{name: rf"\.oft_blocks\.{part}" for part, name in enumerate(LISTED)},
    "ia3_l": r"\.ia3_l(?:\.default)?",
    "oft_R": r"[._]oft_R(?:\.default)?\.weight",
    **{name: rf"\.{name}\.weight" for name in ("a1", "a2", "b1", "b2")},
    "weight": r"\.weight",
}  # fmt: skip
_ENDING = re.compile("(?:" + "|".join(f"(?P<{n}>{p})" for n, p in _PIECES.items()) + ")$")
MARKS = frozenset(_PIECES) - {"alpha", "magnitude", "mid", "weight", "rescale"}
"""Pieces that make a file a LoRA."""
_XLABS = re.compile(
    r"(?:diffusion_model\.)?(double|single)_blocks\.(\d+)\.processor\.(qkv|proj)_lora([12]?)\.(down|up)\.weight"
)
"""A change by XLabs of what FLUX's attention makes or answers; 1 is the picture's, 2 the text's."""


BUNDLED = "bundle_emb."
"""Beginning of the names of embeddings that a LoRA's file brings along, which are no pieces of it."""


def split_keys(keys: Iterable[str]) -> dict[str, tuple[Place, str]]:
    """Of each name in a file, but for those of embeddings beside the LoRA: as `split_key`.

    Raises:
        ValueError: one is no piece that we know.
    """
    own = [key for key in keys if not key.startswith(BUNDLED)]
    is_flux = any("double_blocks." in key or "single_blocks." in key for key in own)
    split = {key: split_key(key) for key in own}
    if is_flux:  # whose T5 is its second encoder
        for key in (key for key in own if key.startswith("t5.")):
            (_, name), piece = split[key]
            split[key] = (TEXT_2, name), piece
    return split


def split_key(key: str) -> tuple[Place, str]:
    """The place that a tensor's name points to, and which piece of the change it is.

    Raises:
        ValueError: it is no piece that we know, or points to no part of a model.
    """
    of_processor = _XLABS.fullmatch(key)
    if of_processor is not None:
        return (UNET, _of_processor(*of_processor.group(1, 2, 3, 4))), of_processor[5]
    ending = _ENDING.search(key)
    if ending is None or ending.lastgroup is None:
        raise ValueError(f"it holds {key!r}, which is no piece of a LoRA that we know.")
    return _place(key[: ending.start()]), ending.lastgroup


def _of_processor(kind: str, number: str, what: str, stream: str) -> str:
    """The layer of FLUX in the published names, joined; of a single block's first its queries, keys and values."""
    if kind == "single":
        return f"single_blocks_{number}_{'linear1_qkv' if what == 'qkv' else 'linear2'}"
    return f"double_blocks_{number}_{'txt' if stream == '2' else 'img'}_attn_{what}"


def pieces_in(keys: Mapping[str, object]) -> dict[Place, dict[str, str]]:
    """Of each place: piece to the name of its tensor. Names that are no LoRA's are left out."""
    found: dict[Place, dict[str, str]] = {}
    for key in keys:
        try:
            place, piece = split_key(key)
        except ValueError:
            continue
        found.setdefault(place, {})[piece] = key
    return found


def _place(name: str) -> Place:
    for prefix, part in _PREFIXES:
        if name.startswith(prefix):
            return part, _module(name.removeprefix(prefix), part)
    if _BARE.match(name):
        return UNET, _module(name, UNET)
    raise ValueError(f"it changes {name!r}, which is neither in a UNet nor in a text encoder.")


def _module(name: str, part: str) -> str:
    joined = name.replace(".", "_").removeprefix("text_model_").removeprefix("diffusion_model_")
    # The first diffusers named the attention processor; to_out is a list of two there.
    joined = re.sub(r"_processor_(to_[qkv]|to_out)$", r"_\1", joined.removesuffix("_lora"))
    joined = re.sub(r"_to_out$", "_to_out_0", joined)
    return from_original(joined) if part == UNET else joined


_OUTSIDE: Mapping[str, str] = {
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
    "input_blocks_0_0": "conv_in",
    "out_0": "conv_norm_out",
    "out_2": "conv_out",
}
_IN_RESNET: Mapping[str, str] = {
    "in_layers_0": "norm1", "in_layers_2": "conv1", "emb_layers_1": "time_emb_proj",
    "out_layers_0": "norm2", "out_layers_3": "conv2", "skip_connection": "conv_shortcut",
}  # fmt: skip
_ORIGINAL = re.compile(r"(?P<half>input|middle|output)_blocks?_(?P<at>\d+)_(?P<rest>.+)")
_LAYERS = 2
"""Resnets of a block; all models of this layout have as many."""


def from_original(name: str) -> str:
    """A module's name in diffusers' UNet from that in the original code; others stay as they are."""
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    found = _ORIGINAL.fullmatch(name)
    if found is None:
        return name
    at, rest = int(found["at"]), found["rest"]
    if found["half"] == "middle":
        return f"mid_block_{'attentions_0' if at == 1 else f'resnets_{at // 2}'}_{_inner(rest)}"
    sub, _, inner = rest.partition("_")
    if found["half"] == "input":
        block, layer = divmod(at - 1, _LAYERS + 1)
        if inner == "op":
            return f"down_blocks_{block}_downsamplers_0_conv"
        where = f"down_blocks_{block}"
    else:
        block, layer = divmod(at, _LAYERS + 1)
        if inner == "conv":
            return f"up_blocks_{block}_upsamplers_0_conv"
        where = f"up_blocks_{block}"
    kind = "resnets" if sub == "0" else "attentions"
    return f"{where}_{kind}_{layer}_{_inner(inner)}"


def _inner(name: str) -> str:
    return _IN_RESNET.get(name, name)
