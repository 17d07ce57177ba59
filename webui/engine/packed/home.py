"""Where the weights of a network are while it is not in a device's memory, and how they come into it and leave it.

On a GPU they come as copies of what lies in the computer's memory, mostly where their file is mapped. On a processor
layers open what lies in the mapped file when they are reached (`late.py`), and forget it when they leave. Either way the
weights that come are to the bit those that came before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from weakref import ref

import torch
from torch import Tensor, nn

from webui.engine.packed.eight_bits import forget
from webui.engine.packed.late import LateWeight, closed, converted_late


class Home(Protocol):
    """Of one network, which it does not keep alive."""

    @property
    def bytes(self) -> int:
        """Memory of the device that the network takes while it is there."""
        ...

    def come(self) -> None:
        """Bring the weights to the device; after a failure none are there."""
        ...

    def leave(self) -> None:
        """Free the device's memory. What was changed in the weights is lost."""
        ...


class CopiedHome:
    """Weights in the computer's memory, copied to a GPU."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        """`network` is in the computer's memory, in the precision that it computes in."""
        self._network = ref(network)
        self._device = device
        self._parameters = dict(network.named_parameters(remove_duplicate=False))
        self._buffers = dict(network.named_buffers(remove_duplicate=False))

    @property
    def bytes(self) -> int:
        """See `Home`."""
        weights = {id(t): t for t in (*self._parameters.values(), *self._buffers.values())}
        return sum(t.nbytes for t in weights.values())

    def come(self) -> None:
        """See `Home`."""
        try:
            with (
                torch.inference_mode(False),
                torch.no_grad(),
            ):  # a LoRA may change them outside of that
                made = {id(p): self._made(p) for p in self._parameters.values()}
                _put(
                    self._network(),
                    {n: made[id(p)] for n, p in self._parameters.items()},
                    "_parameters",
                )
                there = {n: self._moved(b) for n, b in self._buffers.items()}
                _put(self._network(), there, "_buffers")
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """See `Home`."""
        _put(self._network(), self._parameters, "_parameters")
        _put(self._network(), self._buffers, "_buffers")

    def _made(self, parameter: nn.Parameter) -> nn.Parameter:
        return nn.Parameter(self._moved(parameter.detach()), requires_grad=False)

    def _moved(self, tensor: Tensor) -> Tensor:
        if tensor.dim() != 4:
            return tensor.to(self._device)
        # Convolutions in half precision read channels last faster.
        return tensor.to(self._device, memory_format=torch.channels_last)


class ClosedHome:
    """Weights in a mapped file, opened by a processor layer by layer; tables of words all at once."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        """Takes a network as its file has it, and has it compute in `dtype`; what is in that already stays as it is."""
        self._network = ref(network)
        self._dtype = dtype
        self._tables = {
            f"{name}.weight": layer.weight
            for name, layer in network.named_modules()
            if isinstance(layer, nn.Embedding) and layer.weight.dtype != dtype
        }
        converted_late(network, dtype)
        self._held = {
            name: layer.held
            for name, layer in network.named_modules()
            if isinstance(layer, LateWeight)
        }
        _put(network, self._tables, "_parameters")

    @property
    def bytes(self) -> int:
        """Of the opened layers."""
        weights = {id(t): t for t in (*self._held.values(), *self._tables.values())}
        return sum(weight.numel() for weight in weights.values()) * self._dtype.itemsize

    def come(self) -> None:
        """Open the tables; layers are opened when they are reached."""
        with torch.inference_mode(False), torch.no_grad():  # a LoRA may change them outside of that
            made = {
                id(t): nn.Parameter(t.to(self._dtype), requires_grad=False)
                for t in self._tables.values()
            }
        _put(self._network(), {n: made[id(t)] for n, t in self._tables.items()}, "_parameters")

    def leave(self) -> None:
        """Close what was opened."""
        network = self._network()
        if network is not None:
            _put(network, self._tables, "_parameters")
            forget(network)
            for name, held in self._held.items():
                closed(network.get_submodule(name), held, self._dtype)


def _put(
    network: nn.Module | None,
    tensors: Mapping[str, nn.Parameter] | Mapping[str, Tensor],
    where: str,
) -> None:
    """Put tensors in their places in a network, by name."""
    if network is None:
        return
    for name, tensor in tensors.items():
        path, _, own = name.rpartition(".")
        getattr(network.get_submodule(path), where)[own] = tensor
