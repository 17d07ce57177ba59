"""Control-LoRAs (Stability AI 2023): controlnets that are told as differences from the encoder of a model's UNet.

Over a UNet one becomes a controlnet as any other: of each layer W = W_unet + up @ down where the file has two factors,
the file's own where it has the layer whole, and the UNet's where it has nothing. W_unet is what the model's file has: LoRAs
of a prompt change the UNet, and not what was made over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.controlnet import LoadedControl, loaded_control
from webui.engine.adapters.merging import MergedWeights, weight_places
from webui.engine.damage import told_as_damage
from webui.engine.packed.place import WeightPlace
from webui.engine.precision import compute_dtype
from webui.engine.weights import open_weights
from webui.weights.control_lora_files import (
    DOWN,
    UP,
    control_lora_names,
    control_lora_shape,
    is_control_lora,
)
from webui.weights.read import read_weights


@dataclass(frozen=True, eq=False)
class LoadedControlLora:
    """A Control-LoRA in memory, and the controlnets that it became."""

    info: AdapterInfo
    tensors: Mapping[str, Tensor]
    """By diffusers' names, a module's joined by underscores; on the processor, as the file has them."""
    hint_channels: tuple[int, ...]
    device: torch.device
    _made: WeakKeyDictionary[nn.Module, LoadedControl] = field(default_factory=WeakKeyDictionary)
    """By the UNet that each is laid over, as long as that is in memory."""

    @property
    def bytes(self) -> int:
        """Memory of the file's tensors and of the controlnets."""
        own = sum(tensor.nbytes for tensor in self.tensors.values())
        return own + sum(net.bytes for net in self._made.values())

    def over(self, unet: nn.Module, merged: MergedWeights) -> LoadedControl:
        """The controlnet over this UNet; made once for each.

        Args:
            unet: A UNet of diffusers.
            merged: What LoRAs have changed in it, which is taken out first and comes back with the next prediction.

        Raises:
            JobFailed: it is made for another model, or for none that has a UNet.
        """
        if unet not in self._made:
            if not hasattr(unet.config, "block_out_channels"):
                raise self._misfit("this model has no UNet")
            merged.use(UNET, unet, ())
            self._made[unet] = self._over(unet)
        return self._made[unet]

    @torch.inference_mode(False)
    @torch.no_grad()
    def _over(self, unet: nn.Module) -> LoadedControl:
        # With the first one: diffusers takes seconds to import.
        from diffusers.models.controlnets.controlnet import ControlNetModel  # noqa: PLC0415

        dtype, places = compute_dtype(self.device), weight_places(unet)
        with torch.device("meta"):  # all numbers come from the file and from the UNet
            net: Any = ControlNetModel.from_unet(
                unet,
                conditioning_embedding_out_channels=self.hint_channels,
                load_weights_from_unet=False,
            )
        state = {}
        for name, wanted in net.state_dict().items():
            made = self._weight(name, places)
            if made.shape != wanted.shape:
                raise self._misfit(
                    f"its {name!r} is of shape {tuple(made.shape)}, and {tuple(wanted.shape)} was expected"
                )
            state[name] = made.to(self.device, dtype, copy=True)
        net.load_state_dict(state, strict=True, assign=True)
        return loaded_control(self.info, net, self.device)

    def _weight(self, name: str, places: Mapping[str, WeightPlace]) -> Tensor:
        """A parameter of the controlnet by diffusers' name, in whatever precision."""
        module, _, parameter = name.rpartition(".")
        module = module.replace(".", "_")
        if (own := self.tensors.get(f"{module}.{parameter}")) is not None:
            return own
        place = places.get(module if parameter == "weight" else f"{module}.{parameter}")
        if place is None:
            raise self._misfit(f"neither it nor this model has {name!r}")
        base = place.file_weight()
        up, down = (self.tensors.get(module + half) for half in (UP, DOWN))
        if parameter != "weight" or up is None or down is None:
            return base
        left, right = (half.to(base.device).float().flatten(1) for half in (up, down))
        if left.shape[1] != right.shape[0] or len(left) * right.shape[1] != base.numel():
            raise self._misfit(
                f"its change of {name!r} is for a weight of {len(left)} x {right.shape[1]}, and this model's is "
                f"of {base.shape[0]} x {base[0].numel()}"
            )
        return base.float() + (left @ right).view(base.shape)

    def _misfit(self, why: str) -> JobFailed:
        return JobFailed(
            f"The Control-LoRA {self.info.id!r} is made for another model{f', {self.info.base}' if self.info.base else ''}: "
            f"{why}. Take it out, or choose the model that it was trained on."
        )


def is_control_lora_file(info: AdapterInfo) -> bool:
    """Whether an adapter of kind 'controlnet' is a Control-LoRA; a folder is none.

    Raises:
        BrokenModel: its file is missing or damaged.
    """
    path = Path(info.path)
    with told_as_damage(f"The controlnet {info.id!r}", info.path):
        return path.is_file() and is_control_lora(read_weights(path).tensors)


def load_control_lora(info: AdapterInfo, device: torch.device) -> LoadedControlLora:
    """Read a Control-LoRA's file.

    Raises:
        BrokenModel: it is missing, damaged or incomplete.
    """
    with told_as_damage(f"The Control-LoRA {info.id!r}", info.path):
        file = open_weights(Path(info.path))
        shape = control_lora_shape(file.header.shapes)
        # Copies: a file may be replaced while it is mapped.
        names = control_lora_names(file.header.shapes)
        tensors = {ours: file[theirs].clone() for ours, theirs in names.items()}
    return LoadedControlLora(info, tensors, shape.hint_channels, device)
