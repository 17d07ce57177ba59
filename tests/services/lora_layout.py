"""Names and shapes of LoRAs of whole networks, as each maker and each dialect has them, rank 16.

Written from the makers' formats and apart from what reads them, so that tests compare two statements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn

from tests.engine.flow_layout.published import FLUX, SD3, published
from tests.weights.ldm_layout import XL, Shapes, clip_shapes, unet_shapes

RANK = 16
Part = Mapping[str, tuple[int, ...]]
"""Of a network: dotted name of a layer, and the shape of its weight, (out, in) or (out, in, kh, kw)."""
Pieces = Callable[[str, tuple[int, ...]], Mapping[str, tuple[int, ...]]]
"""From a layer to how its tensors' names end, and their shapes."""
_XL: dict[str, Any] = {
    "cross_attention_dim": 2048, "attention_head_dim": (5, 10, 20), "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10), "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
    "use_linear_projection": True,
}  # fmt: skip
_SD3: dict[str, Any] = {
    "num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 192,
    "in_channels": 16, "out_channels": 16, "joint_attention_dim": 4096, "pooled_projection_dim": 2048,
    "attention_head_dim": 64,
}  # fmt: skip
_NETWORKS: Mapping[str, Callable[[], Any]] = {  # Any: diffusers' networks are typed loosely
    "sd1": lambda: UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8),
    "sd2": lambda: UNet2DConditionModel(cross_attention_dim=1024, use_linear_projection=True),
    "xl": lambda: UNet2DConditionModel(**_XL),
    "flux": lambda: FluxTransformer2DModel(guidance_embeds=True),
    "sd3": lambda: SD3Transformer2DModel(**_SD3),
}


@cache
def _weights(network: str) -> Mapping[str, torch.Tensor]:
    with torch.device("meta"):
        made: nn.Module = _NETWORKS[network]()
    return made.state_dict()


def _layers(shapes: Mapping[str, tuple[int, ...]], pattern: str = "") -> Part:
    """Linear layers and convolutions whose name a pattern is found in."""
    return {
        name.removesuffix(".weight"): tuple(shape)
        for name, shape in shapes.items()
        if name.endswith(".weight") and len(shape) > 1 and re.search(pattern, name)
    }


def of_diffusers(network: str, pattern: str = "") -> Part:
    """A denoising network under diffusers' names."""
    return _layers({n: tuple(w.shape) for n, w in _weights(network).items()}, pattern)


def of_original(network: str, pattern: str = "") -> Part:
    """A denoising network under the names it was published with."""
    if network == "xl":
        return _layers(unet_shapes(XL, ""), pattern)
    names = published(dict(_weights(network)), FLUX if network == "flux" else SD3)
    return _layers({name: tuple(w.shape) for name, w in names.items()}, pattern)


def clip(width: int = 768, layers: int = 12) -> Part:
    """A text encoder under transformers' names, but for the beginning."""
    return _layers(clip_shapes(width, layers, prefix="text_model."), "layers")


def t5() -> Part:
    """T5 1.1 XXL's encoder."""
    wide, width = 10240, 4096
    part: dict[str, tuple[int, ...]] = {}
    for i in range(24):
        for letter in "qkvo":
            part[f"encoder.block.{i}.layer.0.SelfAttention.{letter}"] = (width, width)
        for name in ("wi_0", "wi_1"):
            part[f"encoder.block.{i}.layer.1.DenseReluDense.{name}"] = (wide, width)
        part[f"encoder.block.{i}.layer.1.DenseReluDense.wo"] = (width, wide)
    return part


def file_of(parts: Mapping[str, Part], pieces: Pieces, *, dotted: bool = False) -> Shapes:
    """All tensors of a file: beginnings of names, as 'lora_unet_', and what follows."""
    return {
        f"{prefix}{name if dotted else name.replace('.', '_')}{ending}": shape
        for prefix, part in parts.items()
        for name, own in part.items()
        for ending, shape in pieces(name, own).items()
    }


def _halves(shape: tuple[int, ...], down: str, up: str) -> Shapes:
    ones = (1,) * (len(shape) - 2)
    return {f"{down}.weight": (RANK, *shape[1:]), f"{up}.weight": (shape[0], RANK, *ones)}


def kohya(name: str, shape: tuple[int, ...]) -> Shapes:
    return {**_halves(shape, ".lora_down", ".lora_up"), ".alpha": ()}


def peft(name: str, shape: tuple[int, ...]) -> Shapes:
    return _halves(shape, ".lora_A", ".lora_B")


def peft_dora(name: str, shape: tuple[int, ...]) -> Shapes:
    return {**peft(name, shape), ".lora_magnitude_vector": (shape[0],)}


def first_diffusers(name: str, shape: tuple[int, ...]) -> Shapes:
    return _halves(shape, "_lora.down", "_lora.up")


def tucker(name: str, shape: tuple[int, ...]) -> Shapes:
    """LyCORIS' LoCon, whose kernels are apart from their down."""
    if len(shape) == 2 or shape[2] == 1:
        return kohya(name, shape)
    return {
        ".lora_down.weight": (RANK, shape[1], 1, 1), ".lora_mid.weight": (RANK, RANK, *shape[2:]),
        ".lora_up.weight": (shape[0], RANK, 1, 1), ".alpha": (),
    }  # fmt: skip


def dora(name: str, shape: tuple[int, ...]) -> Shapes:
    """The magnitude by output, as LyCORIS has had it since `wd_on_output`."""
    return {**kohya(name, shape), ".dora_scale": (shape[0], *(1 for _ in shape[1:]))}


def loha(name: str, shape: tuple[int, ...]) -> Shapes:
    out, inputs = shape[0], torch.Size(shape[1:]).numel()
    pairs = {
        f".hada_w{i}_{x}": ((out, RANK), (RANK, inputs))[x == "b"] for i in (1, 2) for x in "ab"
    }
    return {**pairs, ".alpha": ()}  # fmt: skip


def lokr(name: str, shape: tuple[int, ...]) -> Shapes:
    """A factor of 8 where the sides can be so divided; otherwise 1."""
    first = tuple(8 if side % 8 == 0 else 1 for side in shape[:2])
    out, inputs = shape[0] // first[0], shape[1] // first[1]
    return {
        ".lokr_w1": first, ".lokr_w2_a": (out, RANK),
        ".lokr_w2_b": (RANK, inputs * torch.Size(shape[2:]).numel()), ".alpha": (),
    }  # fmt: skip


def glora(name: str, shape: tuple[int, ...]) -> Shapes:
    out, inputs = shape[0], shape[1]
    return {
        ".a1.weight": (RANK, inputs), ".a2.weight": (inputs, RANK),
        ".b1.weight": (RANK, inputs), ".b2.weight": (out, RANK), ".alpha": (),
    }  # fmt: skip


def oft(name: str, shape: tuple[int, ...]) -> Shapes:
    """kohya's: four blocks."""
    return {".oft_blocks": (4, shape[0] // 4, shape[0] // 4), ".alpha": ()}


def diagonal_oft(name: str, shape: tuple[int, ...]) -> Shapes:
    """LyCORIS': blocks of a size."""
    return {".oft_blocks": (shape[0] // 8, 8, 8), ".rescale": (shape[0], *(1 for _ in shape[1:])), ".alpha": ()}  # fmt: skip


def boft(name: str, shape: tuple[int, ...]) -> Shapes:
    return {".oft_blocks": (3, shape[0] // 8, 8, 8), ".alpha": ()}


def peft_oft(name: str, shape: tuple[int, ...]) -> Shapes:
    """Blocks of 32 inputs, of which the numbers above the diagonal are stored."""
    return {".oft_R.weight": (shape[1] // 32, 32 * 31 // 2)}


def _is_feed_forward(name: str) -> bool:
    return name.endswith(("ff.net.2", "mlp.fc2"))


def ia3(name: str, shape: tuple[int, ...]) -> Shapes:
    """LyCORIS'."""
    scaled = shape[1] if _is_feed_forward(name) else shape[0]
    return {".weight": (scaled,), ".on_input": ()}


def peft_ia3(name: str, shape: tuple[int, ...]) -> Shapes:
    return {".ia3_l": (1, shape[1]) if _is_feed_forward(name) else (shape[0], 1)}


def full(name: str, shape: tuple[int, ...]) -> Shapes:
    return {".diff": shape, ".diff_b": (shape[0],)}


def xlabs() -> Shapes:
    """FLUX's attention by XLabs, whose processors lie in the blocks."""
    sizes = {"qkv": (9216, 3072), "proj": (3072, 3072)}
    shapes: Shapes = {}
    for where, what in _processors():
        of_single = where.startswith("single") and what == "proj_lora"
        shape = (3072, 15360) if of_single else sizes[what.rstrip("12").removesuffix("_lora")]
        shapes |= {
            f"{where}.{what}{end}": own for end, own in _halves(shape, ".down", ".up").items()
        }
    return shapes


def _processors() -> Iterator[tuple[str, str]]:
    for i in range(19):
        for what in ("qkv_lora1", "qkv_lora2", "proj_lora1", "proj_lora2"):
            yield f"double_blocks.{i}.processor", what
    for i in range(38):
        yield from ((f"single_blocks.{i}.processor", what) for what in ("qkv_lora", "proj_lora"))


_NUMBERED = (("attn.qkv", (1, 1, 1)), (".linear1", (1, 1, 1, 4)))


def numbered(part: Part) -> Part:
    """OneTrainer's newer names: layers that are several in one lie apart, by number."""
    apart: dict[str, tuple[int, ...]] = {}
    for name, (out, *inputs) in part.items():
        widths = next((widths for end, widths in _NUMBERED if name.endswith(end)), ())
        for i, width in enumerate(widths):
            apart[f"{name}.{i}"] = (out // sum(widths) * width, *inputs)
        if not widths:
            apart[name] = (out, *inputs)
    return apart


def processors_of(part: Part) -> Part:
    """The first diffusers' names of attention: a processor's, and no number behind `to_out`."""
    return {
        re.sub(r"\.(to_[qkv]|to_out)(\.0)?$", r".processor.\1", name): shape
        for name, shape in part.items()
    }
