"""Layers that a processor computes faster with the same weights: by oneDNN, in its own layout.

PyTorch hands oneDNN a convolution's weight as it lies, which is put into oneDNN's layout anew at each call: for the deep
layers of a UNet, few places and many weights, that takes longer than the convolution. Here it is kept in that layout,
and there alone. A kernel of 1x1 lies as it is: its convolution is the product of a picture's places and the weight, as
those of tokens and weights are, for which see `product.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from webui.engine.packed.lean import make_lean
from webui.engine.packed.place import KeptWeight
from webui.engine.packed.product import NOTHING_MORE, has_bfloat16, has_onednn, mkl_is_slow, product


class ReorderedConv2d(nn.Conv2d, KeptWeight):
    """`nn.Conv2d` whose weight lies as oneDNN reads it from its first use on; made of a plain one in place."""

    _now: Tensor
    """Plain, or in oneDNN's layout."""
    _of_file: Tensor | None
    """The file's weight, where another one is in its place."""

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """(out, in, h, w), put together anew."""
        return _plain(self._now)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return tuple(self._now.shape)

    @property
    def kept_bytes(self) -> int:
        """Memory that the weight takes."""
        return self._now.nbytes

    def file_weight(self) -> Tensor:
        """The file's, whatever was put in its place."""
        return _plain(self._now if self._of_file is None else self._of_file)

    def put(self, weight: Tensor) -> None:
        """Use another weight until `restore`, in the precision of the file's."""
        self._of_file = self._now if self._of_file is None else self._of_file
        self._now = weight.to(self._of_file.dtype)

    def restore(self) -> None:
        """Use the file's weight again, to the bit."""
        if self._of_file is not None:
            self._now, self._of_file = self._of_file, None

    def give_up_parameter(self) -> None:
        """The weight is no parameter from now on."""
        weight = self._parameters.pop("weight")
        assert weight is not None
        self._now, self._of_file = weight.detach(), None

    def give_up_weight(self) -> None:
        """Have none at all."""
        del self._now, self._of_file

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Conv2d`; its answer lies channels last."""
        if input.dtype != self._now.dtype:
            return super().forward(input)
        if not self._now.is_mkldnn:
            self._now = torch._C._nn.mkldnn_reorder_conv2d_weight(
                self._now.to_mkldnn(),
                [*self.padding],
                [*self.stride],
                [*self.dilation],
                self.groups,
            )
        padding = self.padding
        if self.padding_mode != "zeros":
            around = self._reversed_padding_repeated_twice
            input, padding = functional.pad(input, around, mode=self.padding_mode), (0, 0)
        answer: Tensor = torch.ops.mkldnn._convolution_pointwise(
            input.contiguous(memory_format=torch.channels_last), self._now, self.bias,
            padding, self.stride, self.dilation, self.groups, *NOTHING_MORE,
        )  # fmt: skip
        return answer

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which oneDNN's layout cannot be in."""
        return vars(self) | {"_now": self.file_weight(), "_of_file": None}

    # Any, here and below: torch's own signatures.
    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """A plain layer again, where it goes to another device or precision."""
        weight = self.file_weight()
        plain: Any = self
        plain.__class__ = nn.Conv2d
        plain.weight = nn.Parameter(weight, requires_grad=False)
        plain._apply(fn, recurse)
        quicken(plain)
        return plain

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """The weight is among what the network consists of."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "weight"] = self.weight


class PointwiseConv2d(nn.Conv2d):
    """`nn.Conv2d` with a kernel of 1x1, computed as the product that it is; made of a plain one in place.

    The layout that oneDNN names for such a weight without knowing the picture's size is seldom the one that it computes in,
    and then is put into that at each call: 52 ms for 1280 channels at 8x8, and the product 2 ms.
    """

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Conv2d`; its answer lies channels last."""
        places = input.permute(
            0, 2, 3, 1
        ).contiguous()  # (N, h, w, in); a view where channels lie last
        answer = product(places.flatten(1, 2), self.weight.flatten(1), self.bias)  # (N, h w, out)
        return answer.reshape(*places.shape[:3], -1).permute(0, 3, 1, 2)


class OneDnnLinear(nn.Linear):
    """`nn.Linear` computed by oneDNN; made of a plain one in place."""

    def forward(self, input: Tensor) -> Tensor:
        """As `nn.Linear`."""
        return product(input, self.weight, self.bias)


def quicken(network: nn.Module) -> None:
    """Put such layers in the place of a network's own, where it is computed by a processor.

    Names, layers and answers stay, these but for rounding. Modules become lean ones (`lean.py`). Convolutions have no parameter 'weight'
    afterwards, but for those of 1x1.
    """
    if not has_onednn():
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return
    make_lean(network)
    for layer in network.modules():
        if type(layer) is nn.Conv2d and _is_pointwise(layer):
            layer.__class__ = PointwiseConv2d
        elif type(layer) is nn.Conv2d and _can_lie_otherwise(layer):
            reordered: Any = layer
            reordered.__class__ = ReorderedConv2d
            reordered.give_up_parameter()
        elif type(layer) is nn.Linear and layer.weight.device.type == "cpu" and mkl_is_slow():
            layer.__class__ = OneDnnLinear


def _is_pointwise(layer: nn.Conv2d) -> bool:
    """Whether each place of its answer is a product of one place of the picture, on a processor."""
    ones = {layer.kernel_size, layer.stride} == {(1, 1)}
    here = layer.weight.device.type == "cpu"
    return ones and layer.padding in ((0, 0), 0, "valid") and layer.groups == 1 and here


def _can_lie_otherwise(layer: nn.Conv2d) -> bool:
    """Whether oneDNN computes it on a processor in the precision that it stands in."""
    weight = layer.weight
    known = weight.dtype == torch.float32 or (weight.dtype == torch.bfloat16 and has_bfloat16())
    return (
        known
        and weight.device.type == "cpu"
        and layer.groups == 1
        and not isinstance(layer.padding, str)
    )


def _plain(weight: Tensor) -> Tensor:
    return weight.to_dense() if weight.is_mkldnn else weight
