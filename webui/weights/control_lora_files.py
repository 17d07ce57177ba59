"""Control-LoRAs in single files (Stability AI 2023): what of a controlnet is in one, from names and shapes.

A tensor named `lora_controlnet` marks the file. What reads the picture, the convolutions to the UNet's connections, norms
and biases are there whole, by the original code's names; of the other layers there are two factors, `up` and `down`, whose
product is added to what the same layer of the model's UNet has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webui.contracts.errors import BrokenModel
from webui.weights.control_files import control_names, hint_channels

MARK = "lora_controlnet"
UP, DOWN = ".up", ".down"


@dataclass(frozen=True)
class ControlLoraShape:
    """What can be said of a Control-LoRA without the model that it is laid over."""

    text_width: int
    hint_channels: tuple[int, ...]
    """Of the layers that read the picture."""


def is_control_lora(names: Mapping[str, object]) -> bool:
    """Whether a file of these names is a Control-LoRA."""
    return MARK in names


def control_lora_names(names: Mapping[str, object]) -> dict[str, str]:
    """Diffusers' name, its module joined by underscores, to the file's; behind the point is `weight`, `bias`, `up` or `down`."""
    return control_names({name: None for name in names if name != MARK})


def control_lora_shape(shapes: Mapping[str, tuple[int, ...]]) -> ControlLoraShape:
    """The sizes that the file tells.

    Raises:
        BrokenModel: tensors are missing.
    """
    own = {ours: shapes[theirs] for ours, theirs in control_lora_names(shapes).items()}
    lonely = sorted(
        name for name in own
        if name.endswith((UP, DOWN)) and _partner(name) not in own
    )  # fmt: skip
    if not own or lonely or "controlnet_mid_block.weight" not in own:
        missing = (
            repr(_partner(lonely[0]))
            if lonely
            else "what reads the picture, or what is said of it,"
        )
        raise BrokenModel(
            f"The Control-LoRA is incomplete: {missing} is missing. Download it again."
        )
    ends = (f"attn2_to_k{DOWN}", "attn2_to_k.weight")
    width = next(
        (shape[1] for name, shape in own.items() if name.endswith(ends) and len(shape) > 1), 0
    )
    return ControlLoraShape(width, hint_channels(own))


def _partner(name: str) -> str:
    return name.removesuffix(UP) + DOWN if name.endswith(UP) else name.removesuffix(DOWN) + UP
