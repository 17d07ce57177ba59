"""Files that hold a denoising network and nothing else, in the layout that it was published in.

Networks are published so to be drawn with together with a model's other parts: FLUX and Stable Diffusion 3 (GGUF,
eight bits), and UNets of Stable Diffusion. The names are the original ones, with or without the prefix that they have
in whole checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

from webui.weights.flow_files import MARKS, whole_family
from webui.weights.header import WeightsHeader
from webui.weights.ldm_unet import UNET, Shapes, unet_shape

INPUTS = {"flux": "img_in.weight", "sd3": "x_embedder.proj.weight"}
OUTPUTS = "final_layer.linear.weight"
OTHER_PARTS = ("first_stage_model.", "cond_stage_model.", "conditioner.", "control_model.")
"""What whole checkpoints of UNets have beside them."""


@dataclass(frozen=True)
class BareDenoiser:
    """What a file's names say of its network."""

    family: str
    """As in the engine's table of families."""
    prefix: str
    """Of its names."""
    in_channels: int
    """That it takes; of FLUX, of a patch of four cells."""
    out_channels: int
    """The same of what it draws."""
    reads: int = 0
    """Width of the text tokens, where a UNet says it."""


def bare_denoiser(header: WeightsHeader) -> BareDenoiser | None:
    """What the file holds; None where it holds something else, or all of a model.

    Raises:
        BrokenModel: it is a UNet that is incomplete.
    """
    if whole_family(header.shapes) is not None:
        return None
    for prefix in ("", UNET):
        for family, mark in MARKS.items():
            if prefix + mark in header.tensors:
                return _transformer(header.shapes, family, prefix)
    if any(name.startswith(OTHER_PARTS) for name in header.tensors):
        return None
    for prefix in ("", UNET):
        if f"{prefix}out.2.weight" in header.tensors:
            return _unet(header.shapes, prefix)
    return None


def _transformer(shapes: Shapes, family: str, prefix: str) -> BareDenoiser:
    taken = shapes.get(prefix + INPUTS[family], (0, 0))
    drawn = shapes.get(prefix + OUTPUTS, (0,))
    return BareDenoiser(family, prefix, taken[1] if len(taken) > 1 else 0, drawn[0])


def _unet(shapes: Shapes, prefix: str) -> BareDenoiser | None:
    shape = unet_shape(shapes, prefix)
    if shape is None or shape.context is None:
        return None
    family = "sd1" if shape.label_numbers is None else "sdxl"
    return BareDenoiser(family, prefix, shape.in_channels, shape.out_channels, shape.context)
