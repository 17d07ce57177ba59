"""Which block of a denoising network stands where in the original layout and in diffusers'.

The original numbers its blocks through; inside a block the names differ as the tables say, and transformers have the
same names in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from webui.weights.ldm_unet import UnetShape

RESNET = {
    "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
}  # fmt: skip
"""Original name within a residual block to diffusers'."""
ATTENTION = {"norm": "group_norm", "proj_out": "to_out.0"}
"""The same within an attention that is no transformer."""
ENDS = {
    "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "label_emb": "class_embedding", "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2", "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out",
    "out.2": "conv_out",
}  # fmt: skip
"""What stands before and behind the blocks."""

Kind = Literal["plain", "resnet", "attention", "transformer"]


@dataclass(frozen=True)
class Place:
    """Where a block of the original stands in diffusers' network."""

    original: str
    ours: str
    kind: Kind = "plain"


@dataclass(frozen=True)
class BlockPlan:
    """Which blocks a network has, in either layout."""

    levels: int
    layers: int
    """Residual blocks of a level on the way down; there is one more on the way up."""
    up_attends: tuple[tuple[bool, ...], ...]
    """By level, the finest first: whether attention stands behind each residual block of the way up."""
    attention: Kind
    residual_resampling: bool = False
    """Whether the picture is made smaller and larger by residual blocks."""

    @classmethod
    def of(cls, shape: UnetShape) -> BlockPlan:
        """Of a network in the original layout."""
        return cls(
            levels=len(shape.channels),
            layers=shape.layers,
            up_attends=tuple(tuple(map(bool, depths)) for depths in shape.up_depths),
            attention="attention" if shape.context is None else "transformer",
            residual_resampling=shape.residual_resampling,
        )


def places_of(plan: BlockPlan) -> Iterator[Place]:
    """Every block, in both layouts; some that the network does not have are among them."""
    for original, ours in ENDS.items():
        yield Place(original, ours)
    attention, last = plan.attention, plan.levels - 1
    yield Place("middle_block.0", "mid_block.resnets.0", "resnet")
    yield Place("middle_block.1", "mid_block.attentions.0", attention)
    yield Place("middle_block.2", "mid_block.resnets.1", "resnet")
    for level in range(last + 1):
        down, up = f"down_blocks.{level}", f"up_blocks.{level}"
        for layer in range(plan.layers):
            original = f"input_blocks.{1 + level * (plan.layers + 1) + layer}"
            yield Place(f"{original}.0", f"{down}.resnets.{layer}", "resnet")
            yield Place(f"{original}.1", f"{down}.attentions.{layer}", attention)
        for layer in range(plan.layers + 1):
            original = f"output_blocks.{level * (plan.layers + 1) + layer}"
            yield Place(f"{original}.0", f"{up}.resnets.{layer}", "resnet")
            if plan.up_attends[last - level][layer]:
                yield Place(f"{original}.1", f"{up}.attentions.{layer}", attention)
        if level < last:
            yield from _resamplers(plan, level)


def _resamplers(plan: BlockPlan, level: int) -> Iterator[Place]:
    """What changes the size behind a level: a residual block, or a convolution in a wrapper."""
    last = (level + 1) * (plan.layers + 1)
    behind = 2 if plan.up_attends[-1 - level][-1] else 1
    down, up = f"input_blocks.{last}.0", f"output_blocks.{last - 1}.{behind}"
    ours = f"down_blocks.{level}.downsamplers.0", f"up_blocks.{level}.upsamplers.0"
    if plan.residual_resampling:
        yield Place(down, ours[0], "resnet")
        yield Place(up, ours[1], "resnet")
    else:
        yield Place(f"{down}.op", f"{ours[0]}.conv")
        yield Place(f"{up}.conv", f"{ours[1]}.conv")
