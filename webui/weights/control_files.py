"""Controlnets in single files: whose layout it is, and the sizes of the network, read from names and shapes.

Both layouts that people have are read, that of the original code (`control_model.input_blocks...`) and diffusers'
own (`controlnet_down_blocks...`). Names of either become diffusers', joined by underscores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.lora_keys import from_original

PREFIXES = ("control_model.", "controlnet.", "")
"""What may stand before all names."""
_HINT = "controlnet_cond_embedding"
_HINT_LAYERS = {
    "0": "conv_in", **{str(2 * i): f"blocks_{i - 1}" for i in range(1, 7)}, "14": "conv_out",
}  # fmt: skip
"""Layers of the original `input_hint_block` by number, and what diffusers calls them."""
_MARKS = ("controlnet_cond_embedding_conv_in.weight", "controlnet_down_blocks_0.weight")
_HEAD_WIDTH = 64
"""Numbers of an attention head, in networks with linear projections; the others have eight heads."""


@dataclass(frozen=True)
class ControlShape:
    """Sizes of a controlnet."""

    latent_channels: int
    channels: tuple[int, ...]
    """Of each level, the finest first."""
    layers: int
    """Residual blocks of a level."""
    depths: tuple[int, ...]
    """Transformer blocks behind each residual block, by level; 0 where there is no transformer."""
    middle_depth: int
    text_width: int
    linear_projection: bool
    label_numbers: int | None
    """Numbers that are embedded beside the timestep, as in SDXL; None where there are none."""
    hint_channels: tuple[int, ...]
    """Of the layers that read the picture."""
    types: int = 0
    """Kinds of pictures that it reads, of a union; 0 for a controlnet of one kind."""
    mixing_width: int = 0
    """Of the transformer that mixes what a union is shown."""
    mixing_layers: int = 0
    number_width: int = 256
    """Numbers that each size about an SDXL picture, and each type of a union, is embedded into."""

    @property
    def heads(self) -> tuple[int, ...]:
        """Attention heads by level."""
        if not self.linear_projection:
            return (8,) * len(self.channels)
        return tuple(max(1, width // _HEAD_WIDTH) for width in self.channels)


def control_names(names: Mapping[str, object]) -> dict[str, str]:
    """Diffusers' name, its module joined by underscores, to the file's; empty where it is no controlnet.

    `mid_block_attentions_0_proj_in.weight`: what stands behind the point is the parameter.
    """
    for prefix in PREFIXES:
        own = [name for name in names if name.startswith(prefix)]
        found = {_renamed(name.removeprefix(prefix)): name for name in own}
        if all(mark in found for mark in _MARKS):
            return found
    return {}


def control_shape(shapes: Mapping[str, tuple[int, ...]]) -> ControlShape:
    """The sizes of the controlnet in a file.

    Raises:
        NotAModel: it is none, or of a kind that is not drawn with; says which.
        BrokenModel: tensors are missing or of impossible shapes.
    """
    names = control_names(shapes)
    if not names:
        raise NotAModel(
            "It lies in a folder of controlnets, but has neither 'control_model.input_hint_block' nor "
            "'controlnet_cond_embedding' in its names."
        )
    own = {ours: shapes[theirs] for ours, theirs in names.items()}
    try:
        return _shape(own)
    except (KeyError, IndexError) as error:
        raise BrokenModel(
            f"The controlnet is incomplete or of impossible shapes: {error} is missing. Download it again."
        ) from error


def _shape(own: Mapping[str, tuple[int, ...]]) -> ControlShape:
    levels = _count(own, "down_blocks_{}_resnets_0_conv2.weight")
    width = next((s[1] for n, s in own.items() if n.endswith("attn2_to_k.weight")), 0)
    projection = next((s for n, s in own.items() if n.endswith("_proj_in.weight")), ())
    vector = own.get("add_embedding_linear_1.weight")
    return ControlShape(
        latent_channels=own["conv_in.weight"][1],
        channels=tuple(own[f"down_blocks_{i}_resnets_0_conv2.weight"][0] for i in range(levels)),
        layers=_count(own, "down_blocks_0_resnets_{}_conv2.weight"),
        depths=tuple(_depth(own, f"down_blocks_{i}") for i in range(levels)),
        middle_depth=_depth(own, "mid_block"),
        text_width=width,
        linear_projection=len(projection) == 2,
        label_numbers=None if vector is None else vector[1],
        hint_channels=hint_channels(own),
        **_union(own),
    )


def hint_channels(own: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Channels of the layers that read the picture, by diffusers' names; they halve it between one and the next."""
    hints = [own[f"{_HINT}_conv_in.weight"][0]]
    later = (own.get(f"{_HINT}_blocks_{i}.weight") for i in range(1, 7, 2))
    return *hints, *(shape[0] for shape in later if shape is not None)


def _union(own: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """What a union has besides."""
    tasks = own.get("task_embedding")
    if tasks is None:
        return {}
    return {
        "types": tasks[0],
        "mixing_width": tasks[1],
        "number_width": own["control_add_embedding_linear_1.weight"][1] // max(tasks[0], 1),
        "mixing_layers": _count(own, "transformer_layes_{}_ln_1.weight"),
    }


def _count(own: Mapping[str, object], pattern: str) -> int:
    count = 0
    while pattern.format(count) in own:
        count += 1
    return count


def _depth(own: Mapping[str, object], block: str) -> int:
    return _count(own, f"{block}_attentions_0_transformer_blocks_{{}}_norm1.weight")


def _renamed(name: str) -> str:
    module, _, parameter = name.rpartition(".")
    if not module:
        return name
    joined = module.replace(".", "_")
    if joined.startswith("input_hint_block_"):
        layer = joined.removeprefix("input_hint_block_")
        return f"{_HINT}_{_HINT_LAYERS.get(layer, layer)}.{parameter}"
    if joined.startswith("zero_convs_"):
        return f"controlnet_down_blocks_{joined.split('_')[2]}.{parameter}"
    if joined == "middle_block_out_0":
        return f"controlnet_mid_block.{parameter}"
    return f"{from_original(joined)}.{parameter}"
