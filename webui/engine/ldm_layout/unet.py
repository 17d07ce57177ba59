"""The denoising network of the original code as diffusers' network, which computes the same.

With tokens to attend to it is a UNet2DConditionModel, without a UNet2DModel. The original numbers its
blocks through; `unet_places` says which of them stands where. Inside a block the names differ as the tables
say, and transformers have the same names in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from webui.engine.ldm_layout.unet_places import ATTENTION, RESNET, BlockPlan, Place, places_of
from webui.engine.packed.layers import fill
from webui.engine.packed.weight import Stored, unpacked
from webui.weights.ldm_heads import Heads
from webui.weights.ldm_unet import UnetShape, unet_shape

NUMBER_WIDTH = 256
"""What a number about the picture is embedded into (Podell et al. 2023)."""
Vector = Literal["text and sizes", "picture"]
"""What a vector beside the timestep says: the text as a whole and the picture's sizes (SDXL), or what a picture is
like (unCLIP)."""
GROUPS = 32
"""Of every normalisation in the original code."""


def read_unet(
    weights: Mapping[str, Stored],
    heads: Heads,
    kind: type[UNet2DConditionModel] = UNet2DConditionModel,
    vector: Vector = "text and sizes",
) -> nn.Module:
    """The network of these weights, in their precision and where they lie.

    Args:
        weights: By original name, without `model.diffusion_model.`; packed ones of linear layers stay packed.
        heads: Of its attention, which do not show in the weights.
        kind: What a network with tokens becomes.
        vector: What it is told in a vector beside the timestep, if it is.

    Raises:
        ValueError: the weights are not those of such a network.
        BrokenModel: they are, but some are missing or of impossible shapes.
    """
    shape = unet_shape({name: tuple(weight.shape) for name, weight in weights.items()}, prefix="")
    if shape is None:
        raise ValueError("it has no denoising network in the layout of latent-diffusion")
    with torch.device("meta"):
        network: nn.Module = (
            _unconditional(shape)
            if shape.context is None
            else _conditional(shape, heads, kind, vector)
        )
    try:
        fill(network, _named(converted(weights, shape, heads), vector))
    except RuntimeError as error:
        raise ValueError(
            f"its denoising network has other weights than expected: {error}"
        ) from error
    if shape.context is None:
        _set_heads(network, heads)
    return network


def converted(weights: Mapping[str, Stored], shape: UnetShape, heads: Heads) -> dict[str, Stored]:
    """The weights by diffusers' names; those of names that the layout does not have keep theirs."""
    named: dict[str, Stored] = {}
    places = {place.original: place for place in places_of(BlockPlan.of(shape))}
    for name, weight in weights.items():
        place = next((p for p in _prefixes(name) if p in places), None)
        if place is None:
            named[name] = weight
        else:
            rest = name[len(place) + 1 :]
            named |= _within(places[place], rest, weight, heads)
    return named


def _named(weights: Mapping[str, Stored], vector: Vector) -> dict[str, Stored]:
    """The weights with the names that diffusers has for what embeds such a vector."""
    if vector != "picture":
        return dict(weights)
    return {name.replace("add_embedding.", "class_embedding."): w for name, w in weights.items()}


def _prefixes(name: str) -> Iterator[str]:
    """Every module that a weight lies in, the innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _within(place: Place, rest: str, weight: Stored, heads: Heads) -> Mapping[str, Stored]:
    """One weight of a block by diffusers' name, or three of what makes queries, keys and values."""
    module, _, what = rest.rpartition(".")
    if place.kind == "resnet":
        return {f"{place.ours}.{RESNET.get(module, module)}.{what}": weight}
    if place.kind != "attention":
        return {f"{place.ours}.{rest}": weight}
    weight = unpacked(weight)
    if module == "qkv":
        names = [f"{place.ours}.to_{letter}.{what}" for letter in "qkv"]
        return dict(zip(names, _queries_keys_values(weight, heads), strict=True))
    flat = weight.squeeze(-1) if weight.dim() == 3 else weight  # a convolution over single places
    return {f"{place.ours}.{ATTENTION.get(module, module)}.{what}": flat}


def _queries_keys_values(weight: Tensor, heads: Heads) -> tuple[Tensor, Tensor, Tensor]:
    """What one convolution makes, apart; head by head it makes queries, keys, values."""
    channels = weight.shape[0] // 3
    count = heads.of(channels)
    by_head = weight.reshape(count, 3, channels // count, *weight.shape[1:2])
    query, key, value = (part.reshape(channels, *weight.shape[1:2]) for part in by_head.unbind(1))
    return query, key, value


def _conditional(
    shape: UnetShape, heads: Heads, kind: type[UNet2DConditionModel], vector: Vector
) -> UNet2DConditionModel:
    if shape.residual_resampling or shape.plain_attention:
        raise ValueError(
            "its denoising network attends to tokens in a way that is unknown: with residual resampling, or with "
            "plain attention beside transformers"
        )
    network: UNet2DConditionModel = kind(
        in_channels=shape.in_channels,
        out_channels=shape.out_channels,
        block_out_channels=shape.channels,
        layers_per_block=shape.layers,
        cross_attention_dim=shape.context,
        only_cross_attention=shape.crossed,
        attention_head_dim=tuple(map(heads.of, shape.channels)),  # diffusers' name for their number
        use_linear_projection=shape.linear_projection,
        num_class_embeds=shape.label_classes,
        time_cond_proj_dim=shape.guidance_numbers,
        resnet_time_scale_shift=_time(shape),
        norm_num_groups=GROUPS,
        **_blocks(shape),
        **_told(shape, vector),
    )
    return network


# Any: the names of diffusers' arguments.
def _blocks(shape: UnetShape) -> dict[str, Any]:
    """Kinds of blocks and their transformer layers.

    Pruned networks (SSD-1B, Segmind Vega, KOALA) have other depths on the way up, or from one residual block to the
    next, and a part of the middle or none of it.
    """
    down, up = shape.down_depths, shape.up_depths[::-1]
    middle = "UNetMidBlock2DCrossAttn" if shape.middle_depth else "UNetMidBlock2D"
    blocks: dict[str, Any] = {
        "down_block_types": tuple(
            "CrossAttnDownBlock2D" if any(d) else "DownBlock2D" for d in down
        ),
        "up_block_types": tuple("CrossAttnUpBlock2D" if any(d) else "UpBlock2D" for d in up),
        "mid_block_type": None if shape.middle_depth is None else middle,
    }
    if all(len(set(level)) == 1 for level in (*down, *up)) and _firsts(down) == _firsts(up[::-1]):
        blocks["transformer_layers_per_block"] = _depths(shape)
        return blocks
    if any(0 in level and any(level) for level in (*down, *up)):
        raise ValueError(
            "its denoising network attends to tokens behind some residual blocks of a level and not behind others"
        )
    blocks["transformer_layers_per_block"] = [[max(1, n) for n in level] for level in down]
    blocks["reverse_transformer_layers_per_block"] = [[max(1, n) for n in level] for level in up]
    return blocks


def _firsts(levels: Sequence[Sequence[int]]) -> list[int]:
    return [level[0] for level in levels]


def _depths(shape: UnetShape) -> tuple[int, ...]:
    """Transformer layers by level. The middle has the last one's, whether or not that has any itself."""
    *before, last = (max(depths) for depths in shape.down_depths)
    return (*(max(1, depth) for depth in before), last or shape.middle_depth or 1)


# Any: the names of diffusers' arguments.
def _told(shape: UnetShape, vector: Vector) -> dict[str, Any]:
    """What embeds a vector beside the timestep."""
    if shape.label_numbers is None:
        return {}
    if vector == "picture":
        return {
            "class_embed_type": "projection",
            "projection_class_embeddings_input_dim": shape.label_numbers,
        }
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": NUMBER_WIDTH,
        "projection_class_embeddings_input_dim": shape.label_numbers,
    }


def _unconditional(shape: UnetShape) -> UNet2DModel:
    change = "resnet" if shape.residual_resampling else "conv"
    bare = "Resnet{}sampleBlock2D" if shape.residual_resampling else "{}Block2D"
    attends = [max(depths) > 0 for depths in shape.down_depths]
    network: UNet2DModel = UNet2DModel(
        in_channels=shape.in_channels,
        out_channels=shape.out_channels,
        block_out_channels=shape.channels,
        layers_per_block=shape.layers,
        down_block_types=tuple("AttnDownBlock2D" if a else bare.format("Down") for a in attends),
        up_block_types=tuple(
            "AttnUpBlock2D" if a else bare.format("Up") for a in reversed(attends)
        ),
        downsample_type=change,
        upsample_type=change,
        attention_head_dim=None,  # one head; `_set_heads` parts it
        attn_norm_num_groups=GROUPS,
        add_attention=bool(shape.middle_depth),
        num_class_embeds=shape.label_classes,
        resnet_time_scale_shift=_time(shape),
        norm_num_groups=GROUPS,
    )
    return network


def _time(shape: UnetShape) -> str:
    return "scale_shift" if shape.scale_shift else "default"


def _set_heads(network: nn.Module, heads: Heads) -> None:
    """UNet2DModel has one width of heads for all its levels; the original may have one number."""
    for module in network.modules():
        if isinstance(module, Attention):
            module.heads = heads.of(module.inner_dim)
            module.scale = (module.inner_dim / module.heads) ** -0.5
