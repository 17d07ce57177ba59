"""The denoising network of the original latent-diffusion code, by the names and shapes of its weights.

Its blocks are numbered through (`input_blocks.4.1`), so levels are found by where it changes size: each
level but the last ends in a downsampler, and on the way up in an upsampler.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]
"""Name of a weight to its shape."""

PREFIX = "model.diffusion_model."
_BLOCK = re.compile(r"(input|output)_blocks\.(\d+)\.")
_UPSAMPLER = re.compile(r"output_blocks\.\d+\.\d+\.conv\.weight|output_blocks\.\d+\.[1-9]\.in_layers\.0\.weight")


@dataclass(frozen=True)
class UnetShape:
    """Sizes of a denoising network; those of its attention heads do not show in its weights."""

    in_channels: int
    out_channels: int
    channels: tuple[int, ...]
    """Of each level, from the finest."""
    layers: int
    """Residual blocks of a level on the way down; there is one more on the way up."""
    depths: tuple[int, ...]
    """Of each level: transformer blocks behind each residual block; 1 for plain self-attention, 0 for none."""
    middle_depth: int
    """The same for the middle."""
    context: int | None
    """Width of the tokens that it attends to; None for one that attends to nothing but itself."""
    scale_shift: bool
    """Whether the time embedding scales and shifts, instead of being added."""
    resamples_in_resnets: bool
    """Whether residual blocks change the size, instead of plain convolutions."""

    @classmethod
    def of(cls, shapes: Shapes) -> UnetShape:
        """Read it from the shapes of a network's weights, names without `model.diffusion_model.`.

        Raises:
            ValueError: they are not those of such a network.
        """
        try:
            return _read(shapes)
        except LookupError as error:
            raise ValueError(f"its denoising network has no weight {error}") from error

    @property
    def block(self) -> int:
        """Numbered blocks of a level."""
        return self.layers + 1

    @property
    def levels(self) -> int:
        """How many."""
        return len(self.channels)


def _read(shapes: Shapes) -> UnetShape:
    inputs, outputs = (_count(shapes, side) for side in ("input", "output"))
    levels = sum(bool(_UPSAMPLER.fullmatch(name)) for name in shapes) + 1
    block = inputs // levels
    if block < 2 or not inputs == outputs == block * levels:
        raise ValueError(
            f"its denoising network has {inputs} input blocks, {outputs} output blocks and {levels - 1} "
            "upsamplers, which belong to no regular network"
        )
    first = [f"input_blocks.{1 + level * block}" for level in range(levels)]
    channels = tuple(shapes[f"{name}.0.out_layers.3.weight"][0] for name in first)
    key = next((n for n in shapes if n.endswith("attn2.to_k.weight")), None)
    return UnetShape(
        in_channels=shapes["input_blocks.0.0.weight"][1],
        out_channels=shapes["out.2.weight"][0],
        channels=channels,
        layers=block - 1,
        depths=tuple(_depth(shapes, f"{name}.1") for name in first),
        middle_depth=_depth(shapes, "middle_block.1"),
        context=None if key is None else shapes[key][1],
        scale_shift=shapes[f"{first[0]}.0.emb_layers.1.weight"][0] == 2 * channels[0],
        resamples_in_resnets=f"input_blocks.{block}.0.in_layers.0.weight" in shapes,
    )


def _count(shapes: Shapes, side: str) -> int:
    found = (_BLOCK.match(name) for name in shapes)
    return len({match[2] for match in found if match and match[1] == side})


def _depth(shapes: Shapes, name: str) -> int:
    """Transformer blocks of an attention; 1 for one that is none, 0 where there is no attention."""
    if f"{name}.norm.weight" not in shapes:
        return 0
    depth = 0
    while f"{name}.transformer_blocks.{depth}.norm1.weight" in shapes:
        depth += 1
    return max(depth, 1)
