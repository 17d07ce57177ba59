"""Products of eight-bit numbers on a processor: less arithmetic for a picture that is a little another one.

For one evaluation a UNet's convolutions and linear layers multiply whole numbers of eight bits (VNNI), four for each that
they multiply in float32. Weights have a scale for each output, activations one for each row of a convolution's batch and for
each token of a linear layer. Sums are of whole numbers and exact; the scales are multiplied in afterwards (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", section 2). What enters and leaves the network, and what reads the timestep, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from webui.engine.packed.late import LateWeight
from webui.engine.packed.layers import PackedConv2d, PackedLinear
from webui.engine.packed.mapping import check_file
from webui.engine.packed.on_processor import ReorderedConv2d
from webui.engine.packed.product import NOTHING_MORE, has_onednn

MOST = 127
"""The largest whole number that a scale stands for; 0 is in the middle of a byte, at `MIDDLE`."""
MIDDLE = 128
LEAST = 1e-30
"""Of the largest activation of a row, so that a row of zeros has a scale."""
EXACT = ("conv_in", "conv_out", "time_", "add_", "class_", "encoder_hid_proj")
"""Beginnings of the names of layers that stay as they are; so do those whose names have `time_emb_proj` in them."""


@dataclass(frozen=True)
class _Eight:
    """A layer's weight in eight bits."""

    weight: Tensor
    """Of int8, in oneDNN's layout."""
    scales: Tensor
    """(out,), float32."""
    zeros: Tensor
    """(out,): what stands for 0."""
    source: object
    """What it was made of: see `_source`."""
    bytes: int


_KEPT: WeakKeyDictionary[nn.Module, _Eight] = WeakKeyDictionary()
_LAYERS: WeakKeyDictionary[nn.Module, tuple[nn.Module, ...]] = WeakKeyDictionary()


@cache
def has_eight_bits() -> bool:
    """Whether this processor sums products of eight-bit numbers without overflowing (VNNI)."""
    can = torch.cpu.get_capabilities()
    return has_onednn() and bool(can.get("avx512_vnni") or can.get("amx_int8"))


def can_count(network: nn.Module) -> bool:
    """Whether a network is a UNet that this processor computes, and it can do so in eight bits."""
    first = getattr(network, "conv_in", None)
    unet = isinstance(first, nn.Conv2d) and hasattr(network, "up_blocks")
    return unet and next(network.parameters()).device.type == "cpu" and has_eight_bits()


@contextmanager
def in_eight_bits(network: nn.Module, wanted: bool) -> Iterator[None]:
    """While it is open, the network's layers multiply in eight bits.

    Args:
        network: A denoising network for which `can_count` is true.
        wanted: Whether they do; if not, nothing is done.
    """
    if not wanted:
        yield
        return
    layers, seen = _layers(network), _Seen()
    for layer in layers:
        layer.forward = partial(_forward, layer, seen)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # the class's own is behind it


def eight_bit_bytes(layer: nn.Module) -> int:
    """Memory that a layer's weight takes in eight bits: none before it is first used so."""
    kept = _KEPT.get(layer)
    return 0 if kept is None else kept.bytes


def forget(network: nn.Module) -> None:
    """Free what a network's layers have in eight bits; it is made again where it is used again."""
    for layer in network.modules():
        _KEPT.pop(layer, None)


class _Seen:
    """The tokens that came last, rounded: queries, keys and values are made of the same ones."""

    def __init__(self) -> None:
        self._tokens: Tensor | None = None
        self._rounded: tuple[Tensor, Tensor] | None = None

    def rounded(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """As `rounded`, by token."""
        if self._rounded is None or tokens is not self._tokens:
            self._tokens, self._rounded = tokens, rounded(tokens, -1)
        return self._rounded


def rounded(x: Tensor, *axes: int) -> tuple[Tensor, Tensor]:
    """Activations as whole numbers, uint8 about `MIDDLE`, and the float32 scale of all that share these axes."""
    x = x.float()
    most = _most(x, *axes)
    # What is cut off by the conversion makes the half that is added a rounding.
    return (x * (MOST / most)).add_(MIDDLE + 0.5).to(torch.uint8), most / MOST


def _most(x: Tensor, *axes: int) -> Tensor:
    """The largest number without its sign, of all that share these axes."""
    return torch.maximum(x.amax(axes, keepdim=True), -x.amin(axes, keepdim=True)).clamp_(min=LEAST)


# Any, here and below: torch's own layers, of several kinds.
def _forward(layer: Any, seen: _Seen, input: Tensor) -> Tensor:
    """As the layer's own, in the precision of its input."""
    kept = _eight(layer)
    if isinstance(layer, nn.Linear):
        numbers, scale = seen.rounded(input)
        answer = torch.ops.onednn.qlinear_pointwise(
            numbers, 1.0, MIDDLE, kept.weight, kept.scales, kept.zeros, None, 1.0, 0, torch.float32, *NOTHING_MORE
        )  # fmt: skip
        return _scaled(answer, scale, layer.bias).to(input.dtype)
    wraps = layer.padding_mode != "zeros" and any(layer.padding)
    if wraps:
        around = layer._reversed_padding_repeated_twice
        input = nn.functional.pad(input, around, mode=layer.padding_mode)
    numbers, scale = rounded(input.contiguous(memory_format=torch.channels_last), 1, 2, 3)
    stride, padding, dilation = _shape_of(layer)
    answer = torch.ops.onednn.qconv2d_pointwise(
        numbers, 1.0, MIDDLE, kept.weight, kept.scales, kept.zeros, None,
        stride, [0, 0] if wraps else padding, dilation, 1, 1.0, 0, torch.float32, *NOTHING_MORE
    )  # fmt: skip
    bias = None if layer.bias is None else layer.bias[:, None, None]
    return _scaled(answer, scale, bias).to(input.dtype)


def _scaled(answer: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return answer.mul_(scale)
    return torch.addcmul(bias.float(), answer, scale, out=answer)


def _shape_of(layer: Any) -> tuple[list[int], list[int], list[int]]:
    """Stride, padding and dilation of a convolution."""
    return [*layer.stride], [*layer.padding], [*layer.dilation]


def _layers(network: nn.Module) -> tuple[nn.Module, ...]:
    """Those of a network that multiply in eight bits."""
    if network not in _LAYERS:
        _LAYERS[network] = tuple(
            module
            for name, module in network.named_modules()
            if not name.startswith(EXACT) and "time_emb_proj" not in name and _is_simple(module)
        )
    return _LAYERS[network]


def _is_simple(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and not isinstance(module.padding, str)
    return isinstance(module, nn.Linear)


def _eight(layer: Any) -> _Eight:
    """The layer's present weight in eight bits, made where it is not there."""
    source = _source(layer)
    kept = _KEPT.get(layer)
    if kept is None or kept.source != source:
        _KEPT[layer] = kept = _made(layer, source)
    return kept


def _made(layer: Any, source: object) -> _Eight:
    weight = _float_weight(layer)  # (out, in) or (out, in, h, w)
    scales = _most(weight.flatten(1), 1).flatten() / MOST
    numbers = (weight / scales.view(-1, *[1] * (weight.dim() - 1))).round_().to(torch.int8)
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    if isinstance(layer, nn.Linear):
        lying = torch.ops.onednn.qlinear_prepack(numbers, None)
    else:
        lying = torch.ops.onednn.qconv_prepack(
            numbers, scales, 1.0, MIDDLE, *_shape_of(layer), 1, None
        )
    return _Eight(lying, scales, zeros, source, numbers.nbytes + scales.nbytes + zeros.nbytes)


def _source(layer: Any) -> object:
    """Equal as long as the layer's weight is; the file's weight is one, however the layer keeps it."""
    if isinstance(layer, LateWeight):
        return "of the file"
    if isinstance(layer, ReorderedConv2d):
        return "of the file" if layer._of_file is None else _Same(layer._now)
    if isinstance(layer, (PackedLinear, PackedConv2d)):
        return "of the file" if layer._opened is None else _Same(layer._opened)
    weight = layer.weight
    # One that was made in inference mode does not tell whether it was written to: it is rounded anew each time.
    return _Same(weight), object() if weight.is_inference() else weight._version


@dataclass(frozen=True)
class _Same:
    """A tensor, equal to itself alone."""

    tensor: Tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.tensor is self.tensor

    def __hash__(self) -> int:
        return id(self.tensor)


def _float_weight(layer: Any) -> Tensor:
    """float32; a weight that is not opened stays so, and only its eight bits come into memory."""
    if not isinstance(layer, LateWeight):
        weight: Tensor = layer.weight.detach().float()
        return weight
    check_file(layer.held)
    opened = layer.held.float()
    check_file(layer.held)
    return opened
