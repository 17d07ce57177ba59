"""Layers whose weight stays packed: it is unpacked at each use and forgotten again.

A model then takes the memory of its file, and a little time at each step. A network is made with layers of its
library; `fill` puts these in their place where a weight came packed, `lighten` where it came in half precision.

Of a model that does not fit a GPU, the weights of layers for which there is no room stay in the computer's memory, and
are copied to the GPU when they are reached (`Room`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from webui.engine.packed.mapping import check_file
from webui.engine.packed.place import KeptWeight
from webui.engine.packed.product import product
from webui.engine.packed.weight import HALVES, PackedWeight, Stored, half


class Room:
    """Memory of a GPU that the weights of a model's layers may take, first come, first served."""

    def __init__(self, bytes_: int) -> None:
        self._left = bytes_

    def take(self, bytes_: int) -> bool:
        """Whether there is so much left; then it is taken."""
        if bytes_ > self._left:
            return False
        self._left -= bytes_
        return True


class _Packed(KeptWeight):
    """What layers of a packed weight have in common; their bias, if any, is an ordinary parameter."""

    rows: Tensor
    _parameters: dict[str, nn.Parameter | None]
    _packed: PackedWeight
    _opened: Tensor | None
    _stays: bool

    def hold(self, packed: PackedWeight, stays: bool = False) -> None:
        """Have this weight, and no parameter of that name.

        Args:
            packed: The weight.
            stays: Whether it stays where it is when the network goes to another device, and is copied at each use.
        """
        self._parameters.pop("weight", None)
        self._packed, self._opened, self._stays = packed, None, stays
        layer: Any = self
        layer._buffers.pop("rows", None)
        if stays:
            layer.rows = packed.rows
        else:
            layer.register_buffer("rows", packed.rows, persistent=False)

    @property
    def weight(self) -> Tensor:
        """What the packed weight stands for, made anew; in the precision of the bias."""
        bias = self._parameters.get("bias")
        return self.opened(torch.float32) if bias is None else self.opened(bias.dtype, bias.device)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return self._packed.shape

    @property
    def kept_bytes(self) -> int:
        """Memory of the network's device that the packed weight takes."""
        return 0 if self._stays else self.rows.nbytes

    def file_weight(self) -> Tensor:
        """What the file's weight stands for, float32, whatever was put in its place."""
        return self._packed.moved_to(self.rows).unpacked()

    def put(self, weight: Tensor) -> None:
        """Use another weight until `restore`; it is not packed, and in half precision on a GPU."""
        on_cpu = self.rows.device.type == "cpu" and not self._stays
        self._opened = weight.to(torch.float32 if on_cpu else torch.float16)

    def restore(self) -> None:
        """Use the file's weight again."""
        self._opened = None

    def opened(self, dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
        """The weight that is used now, in a precision; None: where it lies."""
        where = self.rows.device if device is None else device
        if self._opened is not None:
            return self._opened.to(where, dtype)
        check_file(self.rows)
        return self._packed.moved_to(self.rows.to(where)).unpacked(dtype)


class PackedLinear(nn.Linear, _Packed):
    """`nn.Linear` of a packed weight."""

    def __init__(self, packed: PackedWeight, has_bias: bool) -> None:
        """Its bias is to be loaded."""
        nn.Module.__init__(self)
        self.out_features, self.in_features = packed.shape
        self.hold(packed)
        bias = nn.Parameter(torch.empty(self.out_features, device="meta")) if has_bias else None
        self.register_parameter("bias", bias)

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Linear`."""
        return product(input, self.opened(input.dtype, input.device), self.bias)


class PackedConv2d(nn.Conv2d, _Packed):
    """`nn.Conv2d` of a packed weight; made of a plain one in place."""

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Conv2d`."""
        weight = self.opened(input.dtype, input.device)
        answer: Tensor = self._conv_forward(input, weight, self.bias)
        return answer


def lighten(network: nn.Module, room: Room | None = None) -> None:
    """Have a network's layers keep their weights in the half precision that they are in now, and compute as they are told.

    Such a network takes half of the memory that it takes in float32, or none of its own where the file is mapped
    into memory. Names, layers and answers stay, these but for rounding.

    Args:
        network: Where its file is.
        room: Of the device that it goes to: layers that find none there stay where they are. None: all go along.
    """
    for layer in network.modules():
        light: Any = layer
        kind = _LIGHT.get(type(layer))
        if kind is not None and light.weight.dtype in HALVES:
            if room is None or not room.take(light.weight.nbytes):
                packed = half(light.weight)
                light.__class__ = kind
                light.hold(packed, stays=room is not None)
        elif room is not None and isinstance(layer, _Packed) and not room.take(layer.kept_bytes):
            layer.hold(layer._packed, stays=True)


_LIGHT: Mapping[type, type[_Packed]] = {nn.Linear: PackedLinear, nn.Conv2d: PackedConv2d}


def fill(network: nn.Module, weights: Mapping[str, Stored]) -> None:
    """Load weights into a network that was made on the device 'meta'; packed ones of its layers stay packed.

    Raises:
        RuntimeError: a weight is missing, unknown or of another shape; torch's sentence.
    """
    plain: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if not isinstance(weight, PackedWeight):
            plain[name] = weight
        elif not _put_layer(network, name, weight):
            plain[name] = weight.unpacked()
    network.load_state_dict(plain, strict=True, assign=True)


def _put_layer(network: nn.Module, name: str, weight: PackedWeight) -> bool:
    """Put a packed layer in the place of a layer of its shape; whether there was one."""
    path, _, what = name.rpartition(".")
    above, _, own = path.rpartition(".")
    try:
        parent = network.get_submodule(above)
        layer = parent.get_submodule(own)
    except AttributeError:
        return False
    if what != "weight" or type(layer) is not nn.Linear:
        return False
    if (layer.out_features, layer.in_features) != weight.shape:
        return False
    setattr(parent, own, PackedLinear(weight, layer.bias is not None))
    return True
