"""Linear layers whose weight stays packed: it is unpacked at each use and forgotten again.

A model then takes the memory of its file, and a little time at each step. A network is made with layers of its
library; `fill` puts these in their place where a weight came packed.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from webui.engine.packed.place import KeptWeight
from webui.engine.packed.product import product
from webui.engine.packed.weight import PackedWeight, Stored


class PackedLinear(nn.Linear, KeptWeight):
    """`nn.Linear` of a packed weight."""

    rows: Tensor

    def __init__(self, packed: PackedWeight, has_bias: bool) -> None:
        """Its bias is to be loaded."""
        nn.Module.__init__(self)
        self.out_features, self.in_features = packed.shape
        self._packed = packed
        self._opened: Tensor | None = None
        self.register_buffer("rows", packed.rows, persistent=False)
        bias = nn.Parameter(torch.empty(self.out_features, device="meta")) if has_bias else None
        self.register_parameter("bias", bias)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """(out, in): what the packed weight stands for, made anew; in the precision of the bias."""
        bias: Tensor | None = self.bias  # torch declares that there always is one
        return self._weight(torch.float32 if bias is None else bias.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return self.out_features, self.in_features

    @property
    def kept_bytes(self) -> int:
        """Memory that the packed weight takes."""
        return self.rows.nbytes

    def file_weight(self) -> Tensor:
        """What the file's weight stands for, float32, whatever was put in its place."""
        return self._packed.moved_to(self.rows).unpacked()

    def put(self, weight: Tensor) -> None:
        """Use another weight until `restore`; it is not packed, and in half precision on a GPU."""
        on_cpu = self.rows.device.type == "cpu"
        self._opened = weight.to(torch.float32 if on_cpu else torch.float16)

    def restore(self) -> None:
        """Use the file's weight again."""
        self._opened = None

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Linear`."""
        return product(input, self._weight(input.dtype), self.bias)

    def _weight(self, dtype: torch.dtype) -> Tensor:
        if self._opened is not None:
            return self._opened.to(dtype)
        return self._packed.moved_to(self.rows).unpacked(dtype)


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
