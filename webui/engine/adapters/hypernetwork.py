"""Hypernetworks: small networks before the projections to keys and values of every attention of a UNet.

They change no weight: for one pass they stand in the way of what keys and values are made of, and are gone after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import activation as activations

from webui.contracts.adapter import AdapterInfo
from webui.contracts.lora_keys import Place
from webui.engine.adapters.dialects.change import Change
from webui.engine.adapters.lora import Patches
from webui.engine.damage import told_as_damage
from webui.engine.precision import compute_dtype
from webui.engine.weights import Weights, open_weights
from webui.weights.hypernetwork_files import KEYS, VALUES, hypernetwork_layers

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    **{
        name.lower(): kind
        for name, kind in vars(activations).items()
        if isinstance(kind, type)
        and issubclass(kind, nn.Module)
        and kind.__module__ == activations.__name__
    },
    "swish": nn.Hardswish,
}
"""By what files call them: torch's own in lower case, and one by another name."""


@dataclass(frozen=True, eq=False)
class LoadedHypernetwork:
    """A hypernetwork in memory. Among LoRAs it is one that changes no weight."""

    info: AdapterInfo
    networks: Mapping[tuple[int, int], nn.Module]
    """By the width of what enters, and KEYS or VALUES."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    reads_text: bool = False
    changes: Mapping[Place, Change] = field(default_factory=dict)

    def share(self, _: Place) -> float:
        """As of a LoRA: what its weight is multiplied by at a place."""
        return 1.0

    def __call__(self, states: Tensor, which: int, weight: float) -> Tensor:
        """What keys or values are to be made of in place of `states` (..., width)."""
        network = self.networks.get((states.shape[-1], which))
        return states if network is None else states + network(states) * weight


def load_hypernetwork(info: AdapterInfo, device: torch.device) -> LoadedHypernetwork:
    """Read a hypernetwork's file.

    Raises:
        BrokenModel: it is damaged, or has an activation that torch does not know.
    """
    with told_as_damage(f"The hypernetwork {info.id!r}", info.path):
        networks = _networks(open_weights(Path(info.path)))
    dtype = compute_dtype(device)
    for network in networks.values():
        network.eval().requires_grad_(False).to(device, dtype)
    size = sum(p.nbytes for network in networks.values() for p in network.parameters())
    return LoadedHypernetwork(info, networks, size)


@contextmanager
def in_the_way(network: nn.Module, patches: Patches) -> Iterator[None]:
    """Within the block the hypernetworks among some patches stand before the attentions' keys and values."""
    used = tuple((p, weight) for p, weight in patches if isinstance(p, LoadedHypernetwork))
    handles = []
    if used:
        for name, module in network.named_modules():
            which = {"to_k": KEYS, "to_v": VALUES}.get(name.rpartition(".")[2])
            if which is not None:
                handles.append(module.register_forward_pre_hook(_before(used, which)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _before(
    used: tuple[tuple[LoadedHypernetwork, float], ...], which: int
) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...]]:
    # Any: a module's arguments.
    def hook(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        states: Tensor = inputs[0]
        for hypernetwork, weight in used:
            states = hypernetwork(states, which, weight)
        return (states, *inputs[1:])

    return hook


def _networks(file: Weights) -> dict[tuple[int, int], nn.Module]:
    said = file.header.metadata
    name = said.get("activation_func", "linear").lower()
    if name not in ("linear", "none") and name not in _ACTIVATIONS:
        raise ValueError(f"its activation is {name[:50]!r}, which torch does not have.")
    ends_active = said.get("activate_output", "True") != "False"
    found: dict[tuple[int, int], nn.Module] = {}
    for which, layers in hypernetwork_layers(file.header.shapes).items():
        last = max((i for i, layer in enumerate(layers) if not layer.is_norm), default=-1)
        modules: list[nn.Module] = []
        for i, layer in enumerate(layers):
            weight, bias = (file[f"{layer.name}.{what}"].float() for what in ("weight", "bias"))
            modules.append(_layer(weight, bias))
            if not layer.is_norm and name in _ACTIVATIONS and (i < last or ends_active):
                modules.append(_ACTIVATIONS[name]())
        found[which] = nn.Sequential(*modules)
    if not found:
        raise ValueError("it holds no layers by width, such as '768.0.linear.0.weight'.")
    return found


def _layer(weight: Tensor, bias: Tensor) -> nn.Module:
    layer = (
        nn.LayerNorm(weight.shape[0])
        if weight.dim() == 1
        else nn.Linear(weight.shape[1], weight.shape[0])
    )
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer
