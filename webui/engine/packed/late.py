"""Layers that open their weight when it is first needed: until then it lies where the file is mapped, in half precision.

To load a model is then to map its file. Its numbers are brought into the precision that is computed in layer by layer, as
the first picture reaches them, to the bit as if that had been done before; what is never reached (a first stage's encoder,
for pictures from nothing) is never opened. An opened layer is one of torch's own again.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, nn

from webui.engine.packed.mapping import check_file
from webui.engine.packed.on_processor import ReorderedConv2d, quicken
from webui.engine.packed.place import HoldsWeight
from webui.engine.packed.weight import HALVES

_OPENING = threading.Lock()
"""Two models may share a network, and two threads come upon one of its layers."""


class LateWeight(HoldsWeight):
    """A layer whose weight is not opened yet."""

    held: Tensor
    """As the file has it."""
    dtype: torch.dtype
    """What it becomes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the weight."""
        return tuple(self.held.shape)

    @property
    def kept_bytes(self) -> int:
        """Memory that the weight will take."""
        return self.held.numel() * self.dtype.itemsize


# Any, here and below: torch's own signatures.
def _weight(self: Any) -> Any:
    """The weight, which is opened for it."""
    return opened(self).weight


def _forward(self: Any, input: Any) -> Any:
    """As the layer that it becomes."""
    return opened(self).forward(input)


def _apply(self: Any, fn: Any, recurse: bool = True) -> Any:
    """Opened, where it goes to another device or precision."""
    plain: Any = opened(self)
    return plain._apply(fn, recurse)


def _save(self: Any, destination: Any, prefix: Any, keep_vars: Any) -> None:
    """The weight is among what the network consists of."""
    plain: Any = opened(self)
    plain._save_to_state_dict(destination, prefix, keep_vars)


class LateLinear(nn.Linear, LateWeight):
    """`nn.Linear`, made of a plain one in place."""

    weight = property(_weight)
    forward, _apply, _save_to_state_dict = _forward, _apply, _save


class LateConv2d(nn.Conv2d, LateWeight):
    """`nn.Conv2d`, made of a plain one in place."""

    weight = property(_weight)
    forward, _apply, _save_to_state_dict = _forward, _apply, _save


_LATE: dict[type, type[LateWeight]] = {nn.Linear: LateLinear, nn.Conv2d: LateConv2d}
_PLAIN: dict[type, type[nn.Module]] = {LateLinear: nn.Linear, LateConv2d: nn.Conv2d}


def converted_late(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The network in a precision; what its layers have in half precision is opened when it is first needed.

    Args:
        network: On a processor.
        dtype: What it is to compute in.
    """
    late: list[tuple[Any, Tensor]] = []
    for layer in network.modules():
        weight = layer._parameters.get("weight")
        if type(layer) in _LATE and weight is not None and weight.dtype in HALVES.keys() - {dtype}:
            late.append((layer, weight.detach()))
            del layer._parameters["weight"]
    nn.Module.to(network, dtype=dtype)  # diffusers' own says something of each network
    for layer, held in late:
        layer.__class__ = _LATE[type(layer)]
        layer.held, layer.dtype = held, dtype
    return network


def closed(layer: nn.Module, held: Tensor, dtype: torch.dtype) -> None:
    """Have a layer that was opened as it was before; one that was not yet stays so.

    Args:
        layer: Was late, with the next two.
        held: Its weight as the file has it.
        dtype: What that becomes.
    """
    with _OPENING:
        if type(layer) in _PLAIN:
            return
        late: Any = layer
        if isinstance(late, ReorderedConv2d):
            late.give_up_weight()
        late._parameters.pop("weight", None)
        late.__class__ = next(kind for plain, kind in _LATE.items() if isinstance(layer, plain))
        late.held, late.dtype = held, dtype


def opened(layer: nn.Module) -> nn.Module:
    """The layer with its weight in the precision that it computes in; itself where it is that already.

    Raises:
        FileChanged: its file was written to since it was mapped; the layer is as before.
    """
    with _OPENING:
        kind = _PLAIN.get(type(layer))
        if kind is not None:
            late: Any = layer
            check_file(late.held)
            with torch.inference_mode(False):  # a LoRA may change it outside of that
                weight = nn.Parameter(late.held.to(late.dtype), requires_grad=False)
            check_file(late.held)
            _become(late, kind, weight)
    return layer


def _become(late: Any, kind: type[nn.Module], weight: nn.Parameter) -> None:
    """Make a late layer one of torch's own, or what a processor is quicker with.

    In one step, for other threads may call it meanwhile: it is made beside it first.
    """
    plain: Any = kind.__new__(kind)
    vars(plain).update(vars(late), _parameters={**late._parameters, "weight": weight})
    quicken(plain)
    vars(late).update(vars(plain))
    late.__class__ = type(plain)
    del late.held, late.dtype
