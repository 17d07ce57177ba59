"""The shape of a denoising network in the layout of the latent-diffusion code, read from its tensors' names.

That code (Rombach et al. 2022, github.com/CompVis/latent-diffusion) numbers all blocks of the way down and of
the way up in one row each. A level ends where the way up has an upsampling, so that is counted first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.errors import BrokenModel

UNET = "model.diffusion_model."
Shapes = Mapping[str, tuple[int, ...]]
"""Name to shape."""


@dataclass(frozen=True)
class UnetShape:
    """Sizes of a denoising network."""

    in_channels: int
    out_channels: int
    channels: tuple[int, ...]
    """Of each level, the finest first."""
    layers: int
    """Residual blocks of a level on the way down; there is one more on the way up."""
    down_depths: tuple[tuple[int, ...], ...]
    """Transformer blocks behind each residual block, by level; 0 where there is no transformer."""
    middle_depth: int | None
    """None where the middle is missing."""
    up_depths: tuple[tuple[int, ...], ...]
    """As the way down, by level, the finest first."""
    context: int | None
    """Numbers of a cross-attention token; None without cross-attention."""
    linear_projection: bool
    """Whether transformers are entered through a linear layer, not a convolution."""
    plain_attention: bool
    """Whether there is attention without transformers (one 'qkv' layer)."""
    crossed: tuple[bool, ...]
    """Of each level, whether its first attention looks at the context too."""
    residual_resampling: bool
    """Whether the picture is made smaller and larger by residual blocks."""
    scale_shift: bool
    """Whether the time embedding scales and shifts, instead of being added."""
    label_numbers: int | None
    """Numbers of a vector that is embedded beside the timestep; None where there is none."""
    label_classes: int | None
    """Entries of a table that is looked up beside the timestep; None where there is none."""
    guidance_numbers: int | None
    """Numbers that a distilled guidance's scale is told in; None where it is not told."""


def unet_shape(shapes: Shapes, prefix: str = UNET) -> UnetShape | None:
    """The sizes of the network below a prefix; None where there is none of this layout.

    Raises:
        BrokenModel: it is of this layout, but incomplete or of impossible shapes.
    """
    if len(shapes.get(f"{prefix}input_blocks.0.0.weight", ())) != 4:
        return None
    try:
        return _Reader(shapes, prefix).shape()
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise BrokenModel(
            f"The denoising network is incomplete or of impossible shapes: {str(error)[:200]} is missing. "
            "Download it again."
        ) from error


class _Reader:
    """Looks tensors up by their place."""

    def __init__(self, shapes: Shapes, prefix: str) -> None:
        self._shapes = {
            name.removeprefix(prefix): shape
            for name, shape in shapes.items()
            if name.startswith(prefix)
        }
        self._context = self._first_of("attn2.to_k.weight")

    def shape(self) -> UnetShape:
        ups, residual = self._upsamplings()
        layers = (ups[0] if ups else self._count("output_blocks") - 1) if self._shapes else 0
        levels = len(ups) + 1
        down = [[1 + level * (layers + 1) + i for i in range(layers)] for level in range(levels)]
        up = [[(levels - 1 - level) * (layers + 1) + i for i in range(layers + 1)] for level in range(levels)]  # fmt: skip
        projection = self._first_of("proj_in.weight")
        table, vector = self._shapes.get("label_emb.weight"), self._shapes.get("label_emb.0.0.weight")  # fmt: skip
        guidance = self._shapes.get("time_embed.cond_proj.weight")
        return UnetShape(
            in_channels=self._shapes["input_blocks.0.0.weight"][1],
            out_channels=self._shapes["out.2.weight"][0],
            channels=tuple(self._width(blocks[0]) for blocks in down),
            layers=layers,
            down_depths=tuple(tuple(self._depth(f"input_blocks.{i}.") for i in b) for b in down),
            middle_depth=self._middle(),
            up_depths=tuple(tuple(self._depth(f"output_blocks.{i}.") for i in b) for b in up),
            context=None if self._context is None else self._context[-1],
            linear_projection=projection is not None and len(projection) == 2,
            plain_attention=self._first_of("qkv.weight") is not None,
            crossed=tuple(self._crossed(blocks[0]) for blocks in down),
            residual_resampling=residual,
            scale_shift=self._scale_shift(),
            label_numbers=None if vector is None else vector[-1],
            label_classes=None if table is None else table[0],
            guidance_numbers=None if guidance is None else guidance[-1],
        )

    def _upsamplings(self) -> tuple[list[int], bool]:
        """Numbers of the blocks on the way up that end with one; whether residual blocks do it."""
        plain, residual = [], []
        for i in range(self._count("output_blocks")):
            for place in (1, 2):
                if f"output_blocks.{i}.{place}.conv.weight" in self._shapes:
                    plain.append(i)
                if f"output_blocks.{i}.{place}.in_layers.0.weight" in self._shapes:
                    residual.append(i)
        return (plain or residual), bool(residual)

    def _count(self, row: str) -> int:
        found = {n.split(".")[1] for n in self._shapes if n.startswith(f"{row}.")}
        return 1 + max((int(i) for i in found if i.isdecimal() and len(i) < 4), default=-1)

    def _scale_shift(self) -> bool:
        told = self._shapes["input_blocks.1.0.emb_layers.1.weight"][0]
        return told == 2 * self._width(1)

    def _width(self, block: int) -> int:
        return self._shapes[f"input_blocks.{block}.0.out_layers.3.weight"][0]

    def _depth(self, place: str) -> int:
        """Transformer blocks at a place; 1 for attention without a transformer."""
        if f"{place}1.qkv.weight" in self._shapes:
            return 1
        depth = 0
        while f"{place}1.transformer_blocks.{depth}.norm1.weight" in self._shapes:
            depth += 1
        return depth

    def _middle(self) -> int | None:
        if "middle_block.0.in_layers.0.weight" not in self._shapes:
            return None
        return self._depth("middle_block.")

    def _crossed(self, block: int) -> bool:
        place = f"input_blocks.{block}.1.transformer_blocks.0."
        first = self._shapes.get(f"{place}attn1.to_k.weight")
        return first is not None and first[-1] != first[0] and first[-1:] == (self._context or ())[-1:]  # fmt: skip

    def _first_of(self, ending: str) -> tuple[int, ...] | None:
        return next((s for n, s in self._shapes.items() if n.endswith(f".{ending}")), None)
