"""Controlnets of transformers in files: which family's, in whose layout, and what kinds of pictures, from names and shapes.

Of FLUX diffusers' layout is read (InstantX, Shakker, their unions) and that of XLabs; of Stable Diffusion 3 diffusers' and
that of Stability AI, whose controlnets look at no text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.adapter import Transformer
from webui.contracts.errors import BrokenModel, NotAModel

FIRST = "controlnet_blocks.0.weight"
"""In every one."""
FLUX_PICTURE, SD3_PICTURE, XLABS_PICTURE = (
    "controlnet_x_embedder.weight", "pos_embed_input.proj.weight", "pos_embed_input.weight",
)  # fmt: skip
"""What takes the picture in."""
FLUX_LATENT, XLABS_LATENT = "x_embedder.weight", "img_in.weight"
MODES = "controlnet_mode_embedder.weight"
XLABS_BLOCK, XLABS_HINT = "double_blocks.0.img_attn.qkv.weight", "input_hint_block.0.weight"
SD3_LATENT, SD3_CHANNELS = "pos_embed.proj.weight", 16
"""Not in those that look at no text, which have the latent from the model."""
_TEXT = ("context_embedder.weight", "txt_in.weight")


@dataclass(frozen=True)
class FlowControlShape:
    """What is told of a controlnet before it is loaded."""

    network: Transformer
    text_width: int
    """Of the tokens that it reads; 0 where it reads none."""
    modes: int
    """Kinds of pictures that it was taught, of a union; 0 for one of one kind."""
    reads_mask: bool = False
    """Whether it is for inpainting, and reads beside the picture's latent how much of each cell stays."""


def is_flow_control(names: Mapping[str, object]) -> bool:
    """Whether a file of these names is a controlnet of a transformer, of whatever layout."""
    takes_in = (FLUX_PICTURE, SD3_PICTURE, XLABS_BLOCK)
    return FIRST in names and any(name in names for name in takes_in)


def flow_control_shape(shapes: Mapping[str, tuple[int, ...]]) -> FlowControlShape:
    """What a file of which `is_flow_control` is true holds.

    Raises:
        NotAModel: it reads a mask beside its picture otherwise than those of Stable Diffusion 3, or is of a layout that
            is not known.
        BrokenModel: tensors are missing or of impossible shapes.
    """
    try:
        beside = _beside_the_picture(shapes)
        text = next((shapes[name][1] for name in _TEXT if name in shapes), 0)
        modes = shapes[MODES][0] if MODES in shapes else 0
    except (KeyError, IndexError) as error:
        raise BrokenModel(
            f"The controlnet is incomplete or of impossible shapes: {error} is missing. Download it again."
        ) from error
    return FlowControlShape("sd3" if SD3_PICTURE in shapes else "flux", text, modes, beside > 0)


def _beside_the_picture(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many channels beside its picture's it is shown: of Stable Diffusion 3 a mask, of others none."""
    if SD3_PICTURE in shapes:
        taken = shapes[SD3_PICTURE][1]
        own = shapes[SD3_LATENT][1] if SD3_LATENT in shapes else SD3_CHANNELS
    elif FLUX_PICTURE in shapes:
        taken, own = shapes[FLUX_PICTURE][1], shapes[FLUX_LATENT][1]
    elif XLABS_HINT in shapes:
        taken, own = shapes[XLABS_PICTURE][1], shapes[XLABS_LATENT][1]
    else:
        raise NotAModel(
            "It is a controlnet for FLUX of a layout that is not known: it has neither 'controlnet_x_embedder' nor "
            "'input_hint_block' in its names. Use one of InstantX, Shakker Labs or XLabs."
        )
    if taken > own + (SD3_PICTURE in shapes):
        raise NotAModel(
            f"It is a controlnet for inpainting, which reads a mask beside its picture ({taken} channels, where {own} "
            "are a picture). Redraw a part in the inpaint tab, with a controlnet that reads pictures."
        )
    return taken - own
