"""Low-rank changes beside frozen layers, and their file (Hu et al. 2021, section 4.1)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn


class LoraLayer(nn.Module):
    """A linear layer or convolution, frozen, with its low-rank change beside it."""

    def __init__(self, base: nn.Linear | nn.Conv2d, rank: int, alpha: float) -> None:
        super().__init__()
        self.base, self.rank, self.alpha = base, rank, alpha
        self.down: nn.Linear | nn.Conv2d
        self.up: nn.Linear | nn.Conv2d
        if isinstance(base, nn.Linear):
            self.down = nn.Linear(base.in_features, rank, bias=False)
            self.up = nn.Linear(rank, base.out_features, bias=False)
        else:
            size, step, edge = base.kernel_size, base.stride, base.padding
            self.down = nn.Conv2d(base.in_channels, rank, size, step, edge, bias=False)  # type: ignore[arg-type]
            self.up = nn.Conv2d(rank, base.out_channels, 1, bias=False)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)
        self.to(base.weight.device)

    def forward(self, x: Tensor) -> Tensor:
        """What the changed layer gives."""
        made: Tensor = self.base(x) + self.alpha / self.rank * self.up(self.down(x))
        return made


def add_lora(
    network: nn.Module, targets: Sequence[str], rank: int, alpha: float
) -> dict[str, LoraLayer]:
    """Freeze a network and put a change beside each target layer, in place; returns them by name.

    Raises:
        ValueError: the network has no such layer.
    """
    network.requires_grad_(False)
    found = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d))
        and any(name == target or name.endswith("." + target) for target in targets)
    }
    if not found:
        raise ValueError(f"{type(network).__name__} has no layer named like any of {targets}.")
    layers: dict[str, LoraLayer] = {}
    for name, module in found.items():
        layers[name] = LoraLayer(module, rank, alpha)
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, layers[name])
    return layers


def save_lora(
    file: Path, parts: Mapping[str, Mapping[str, LoraLayer]], facts: Mapping[str, str]
) -> None:
    """Write changes in float16 under the names of diffusers and PEFT, whole or not at all.

    Args:
        file: Ends in .safetensors.
        parts: Of 'unet' and 'text_encoder': the layers by name, of one rank and alpha each.
        facts: Further entries of the header, such as `modelspec.title`; rank and alpha are stated
            in PEFT's own form beside them.
    """
    tensors: dict[str, Tensor] = {}
    stated: dict[str, float] = {}
    for part, layers in parts.items():
        for name, layer in layers.items():
            for half, factor in (("A", layer.down), ("B", layer.up)):
                weight = factor.weight.detach().to("cpu", torch.float16).contiguous()
                tensors[f"{part}.{_common(part, name)}.lora_{half}.weight"] = weight
            stated |= {f"{part}.r": layer.rank, f"{part}.lora_alpha": layer.alpha}
    header = {"format": "pt", "lora_adapter_metadata": json.dumps(stated), **facts}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    save_file(tensors, partial, metadata=header)
    partial.replace(file)


def _common(part: str, name: str) -> str:
    """A module's name in files: text encoders lay under `text_model` before transformers 5."""
    older = part == "text_encoder" and not name.startswith("text_model.")
    return f"text_model.{name}" if older else name
