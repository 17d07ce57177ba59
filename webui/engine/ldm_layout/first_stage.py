"""The first stage of the original code as diffusers' AutoencoderKL or VQModel, which compute the same.

diffusers' VQModel cannot read the original layout by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vq_model import VQModel
from torch import Tensor

from webui.weights.ldm_first_stage import FirstStageShape

RESNET = {"nin_shortcut": "conv_shortcut"}
"""Original name within a residual block to diffusers', where they differ."""
ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
"""The same within an attention."""
ENDS = {"norm_out": "conv_norm_out"}
GROUPS = 32
"""Of every normalisation in the original code."""


def read_first_stage(weights: Mapping[str, Tensor]) -> AutoencoderKL | VQModel:
    """The first stage of these weights, in their precision and where they lie.

    Args:
        weights: By original name, without `first_stage_model.`; those of the losses may be among them.

    Raises:
        ValueError: the weights are not those of such a first stage.
    """
    shape = FirstStageShape.of({name: tuple(weight.shape) for name, weight in weights.items()})
    with torch.device("meta"):
        network = _network(shape)
    own = {name: weight for name, weight in weights.items() if not name.startswith("loss.")}
    try:
        network.load_state_dict(converted(own, shape), strict=True, assign=True)
    except RuntimeError as error:
        raise ValueError(f"its first stage has other weights than expected: {error}") from error
    return network


def converted(weights: Mapping[str, Tensor], shape: FirstStageShape) -> dict[str, Tensor]:
    """The weights by diffusers' names."""
    where = dict(places(len(shape.channels), shape.layers))
    return dict(_renamed(name, weight, where) for name, weight in weights.items())


def _renamed(name: str, weight: Tensor, places: Mapping[str, str]) -> tuple[str, Tensor]:
    module, _, what = name.rpartition(".")
    block, _, part = module.rpartition(".")
    if block not in places:
        return f"{f'{block}.' if block else ''}{ENDS.get(part, part)}.{what}", weight
    if "attentions" in places[block]:
        flat = (
            weight.flatten(1) if weight.dim() == 4 else weight
        )  # a convolution over single pixels
        return f"{places[block]}.{ATTENTION.get(part, part)}.{what}", flat
    return f"{places[block]}.{RESNET.get(part, part)}.{what}", weight


def places(levels: int, layers: int) -> Iterator[tuple[str, str]]:
    """Each block of the original, and where diffusers has it, of so many levels of so many residual blocks."""
    last = levels - 1
    for side in ("encoder", "decoder"):
        yield f"{side}.mid.block_1", f"{side}.mid_block.resnets.0"
        yield f"{side}.mid.attn_1", f"{side}.mid_block.attentions.0"
        yield f"{side}.mid.block_2", f"{side}.mid_block.resnets.1"
    for level in range(last + 1):
        down, up = f"encoder.down_blocks.{level}", f"decoder.up_blocks.{last - level}"
        yield f"encoder.down.{level}.downsample", f"{down}.downsamplers.0"
        yield f"decoder.up.{level}.upsample", f"{up}.upsamplers.0"
        for layer in range(layers + 1):
            for original, ours in (("block", "resnets"), ("attn", "attentions")):
                yield f"encoder.down.{level}.{original}.{layer}", f"{down}.{ours}.{layer}"
                yield f"decoder.up.{level}.{original}.{layer}", f"{up}.{ours}.{layer}"


def _network(shape: FirstStageShape) -> AutoencoderKL | VQModel:
    # Any: the two classes' options are typed loosely.
    common: dict[str, Any] = {
        "block_out_channels": shape.channels,
        "layers_per_block": shape.layers,
        "down_block_types": tuple(
            "AttnDownEncoderBlock2D" if attends else "DownEncoderBlock2D"
            for attends in shape.attends
        ),
        "up_block_types": tuple(
            "AttnUpDecoderBlock2D" if attends else "UpDecoderBlock2D"
            for attends in reversed(shape.attends)
        ),
        "latent_channels": shape.latent_channels,
        "norm_num_groups": GROUPS,
        "scaling_factor": 1.0,
        "mid_block_add_attention": shape.middle_attends,
    }
    if shape.codes is None:
        return AutoencoderKL(**common, use_quant_conv=shape.mixes, use_post_quant_conv=shape.mixes)
    return VQModel(**common, num_vq_embeddings=shape.codes)
