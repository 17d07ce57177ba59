"""Cross-attention by place: the prompt of the whole looks at each region's words where that region is.

Region prompts mix what the network predicts for each region; here one prediction is told of all regions at
once, so what it draws across their borders belongs together. Such works run alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from webui.contracts.errors import BadRequest

LEVELS = 8
"""More than a network has."""


@dataclass(frozen=True, eq=False)
class Shares:
    """Where regions are, for all steps of a picture."""

    cells: Tensor
    """(n, 1, h, w): how much of each latent cell is each region's; at most 1 together."""
    strength: float
    """How much of what is looked at within regions is their words, 0 to 1."""
    first: int
    """Which row of the prompts is the first region's; those before it are the whole's."""

    def told(self, tokens: Tensor, count: int) -> Places:
        """The same for one evaluation of `count` rows, with the tokens (R, T, D) of all prompts."""
        regions = tokens[self.first : self.first + len(self.cells)]
        rows = tuple(row < self.first for row in range(count))
        return Places(rows, regions, self.cells, self.strength)


@dataclass(frozen=True, eq=False)
class Places:
    """Whose words some rows of an evaluation look at, place by place."""

    rows: tuple[bool, ...]
    """(R,): which rows; the others look at their own words everywhere."""
    tokens: Tensor
    """(n, T, D): the words of each region."""
    cells: Tensor
    """(n, 1, h, w), as in `Shares`."""
    strength: float


def looks_at_words(network: nn.Module) -> bool:
    """Whether a network can look by place: one of UNet shape whose blocks attend to text apart from the picture."""
    return hasattr(network, "mid_block") and bool(_layers(network))


@contextmanager
def looking_by_place(network: nn.Module, places: Places | None) -> Iterator[None]:
    """The network, whose cross-attention goes by place within the block."""
    layers = _layers(network) if places is not None and any(places.rows) else []
    hooks = [] if places is None else [_by_place(places)] * len(layers)
    handles = [
        layer.register_forward_hook(hook, with_kwargs=True)
        for layer, hook in zip(layers, hooks, strict=True)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _layers(network: nn.Module) -> list[Any]:
    """The cross-attentions, of diffusers' shape."""
    return [module for name, module in network.named_modules() if name.endswith("attn2")]


def _by_place(places: Places) -> Callable[..., Tensor]:
    """A hook on a cross-attention layer."""
    chosen = [row for row, looks in enumerate(places.rows) if looks]

    # Any: arguments and layer are diffusers'.
    def hook(layer: Any, inputs: tuple[Any, ...], named: dict[str, Any], output: Tensor) -> Tensor:
        states: Tensor = inputs[0] if inputs else named["hidden_states"]  # (R, N, C)
        shares = _at_size(places.cells, states.shape[1]).to(states.dtype) * places.strength
        tokens = places.tokens.to(states.dtype)
        whole = 1 - shares.sum(0)  # (N, 1)
        made = output.clone()
        for row in chosen:
            asked = states[row : row + 1].expand(len(tokens), -1, -1)
            told: Tensor = layer.processor(layer, asked, tokens)  # (n, N, C)
            made[row] = output[row] * whole + (told * shares).sum(0)
        return made

    return hook


def _at_size(cells: Tensor, count: int) -> Tensor:
    """Shares (n, 1, h, w) for the `count` places of a layer, (n, count, 1): each level has half of both sides, rounded up."""
    height, width = cells.shape[-2:]
    sizes = ((-(-height // 2**level), -(-width // 2**level)) for level in range(LEVELS))
    size = next((size for size in sizes if size[0] * size[1] == count), None)
    if size is None:
        raise BadRequest(
            f"The model's network has a layer of {count} places for a latent of {width} x {height} cells, so it "
            "cannot look by place. Set the attention by region to 0."
        )
    small = functional.interpolate(cells.float(), size, mode="area")
    return torch.flatten(small, 2).transpose(1, 2)
