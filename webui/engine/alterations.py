"""Networks that work otherwise for one evaluation: seamless tiles, FreeU, perturbed attention.

What is altered is put back at the end of the block, so that the next batch finds the network as it
was. Works run together only where their alterations are equal; what differs by row is said by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from webui.contracts.errors import BadRequest


@dataclass(frozen=True)
class FreeU:
    """Backbone features stronger, skip features weaker in their low frequencies (Si et al. 2023)."""

    b1: float
    b2: float
    s1: float
    s2: float


class Alterations(NamedTuple):
    """How a denoising network works otherwise, for all rows alike.

    A tuple, for its hash is taken some ten times in each step.
    """

    tiling: bool = False
    """Whether convolutions wrap round at the edges, so that a picture tiles the plane."""
    freeu: FreeU | None = None


UNALTERED = Alterations()
Patching = Callable[[nn.Module], AbstractContextManager[object]]
"""What an extension changes in a network: a function of it to a context manager, which leaves it as it was."""

_convolutions: WeakKeyDictionary[nn.Module, list[nn.Conv2d]] = WeakKeyDictionary()


@contextmanager
def altered(
    network: nn.Module,
    alterations: Alterations,
    perturbed: Sequence[bool] = (),
    patchings: Sequence[Patching] = (),
) -> Iterator[None]:
    """The network, altered within the block.

    Args:
        network: A denoising network of diffusers' shape.
        alterations: For all rows.
        perturbed: For each row, whether its self-attention in the middle looks at nothing but itself.
        patchings: What extensions change in it, the first the outermost.

    Raises:
        BadRequest: the network has no such parts.
        HookFailed: an extension's patch failed.
    """
    with ExitStack() as stack:
        if alterations.tiling:
            stack.enter_context(wrapped_round(network))
        if alterations.freeu is not None:
            stack.enter_context(_with_freeu(network, alterations.freeu))
        if any(perturbed):
            stack.enter_context(_looking_at_itself(network, perturbed))
        for patching in patchings:
            stack.enter_context(patching(network))
        yield


@contextmanager
def wrapped_round(network: Any) -> Iterator[None]:
    """All padded convolutions take the other edge's values for what lies beyond an edge.

    Any: a module, of which a first stage's protocol says nothing.
    """
    if network not in _convolutions:
        found = [m for m in network.modules() if isinstance(m, nn.Conv2d) and any(_padding(m))]
        _convolutions[network] = found
    padded = _convolutions[network]
    before = [conv.padding_mode for conv in padded]
    try:
        for conv in padded:
            conv.padding_mode = "circular"
        yield
    finally:
        for conv, mode in zip(padded, before, strict=True):
            conv.padding_mode = mode


def _padding(conv: nn.Conv2d) -> tuple[int, ...]:
    return conv.padding if isinstance(conv.padding, tuple) else (0,)


@contextmanager
def _with_freeu(network: Any, freeu: FreeU) -> Iterator[None]:
    """Any: diffusers' own switch, which it types loosely."""
    if not hasattr(network, "enable_freeu"):
        raise BadRequest(
            "The model's network has no skip connections, so FreeU cannot be used on it."
        )
    network.enable_freeu(s1=freeu.s1, s2=freeu.s2, b1=freeu.b1, b2=freeu.b2)
    try:
        yield
    finally:
        network.disable_freeu()


@contextmanager
def _looking_at_itself(network: nn.Module, perturbed: Sequence[bool]) -> Iterator[None]:
    """Self-attention of the middle block is the identity in the perturbed rows (Ahn et al. 2024)."""
    layers = _middle_attentions(network)
    if not layers:
        raise BadRequest(
            "The model's network has no self-attention in its middle block, which perturbed-attention "
            "guidance needs. Set its scale to 0."
        )
    rows = torch.tensor(list(perturbed))
    handles = [
        layer.register_forward_hook(_identity_in(rows), with_kwargs=True) for layer in layers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Looks:
    """What the rows of an evaluation look at, of the middle block's first self-attention."""

    def __init__(self) -> None:
        self._maps: Tensor | None = None

    def seen(self, rows: int, height: int, width: int) -> Tensor:
        """How much each place is looked at from all places together, in means: (R, 1, h, w), about 1."""
        assert self._maps is not None
        ratio = (self._maps.shape[1] / (height * width)) ** 0.5
        size = round(height * ratio), round(width * ratio)
        maps = self._maps.reshape(rows, 1, *size)
        return functional.interpolate(maps, (height, width), mode="nearest")

    # Any: arguments and layer are diffusers'.
    def hook(self, layer: Any, inputs: tuple[Any, ...], named: dict[str, Any], _: Tensor) -> None:
        """Called by the layer: keeps its attention, heads averaged, summed over who looks."""
        states: Tensor = inputs[0] if inputs else named["hidden_states"]
        query, key = (layer.head_to_batch_dim(to(states)) for to in (layer.to_q, layer.to_k))
        attention: Tensor = layer.get_attention_scores(query, key)  # (R * heads, N, N)
        count = attention.shape[-1]
        self._maps = attention.float().view(-1, layer.heads, count, count).mean(1).sum(1)


@contextmanager
def watched(network: nn.Module) -> Iterator[Looks]:
    """Within the block, what an evaluation looks at is kept.

    Raises:
        BadRequest: the network has no self-attention in its middle.
    """
    layers = _middle_attentions(network)
    if not layers:
        raise BadRequest(
            "The model's network has no self-attention in its middle block, which self-attention "
            "guidance needs. Set its scale to 0."
        )
    looks = Looks()
    handle = layers[0].register_forward_hook(looks.hook, with_kwargs=True)
    try:
        yield looks
    finally:
        handle.remove()


def _middle_attentions(network: nn.Module) -> list[Any]:
    """The self-attentions of the middle block, of diffusers' shape."""
    middle = getattr(network, "mid_block", None)
    if middle is None:
        return []
    return [module for name, module in middle.named_modules() if name.endswith("attn1")]


def _identity_in(rows: Tensor) -> Callable[..., Tensor]:
    """A hook on an attention layer: in these rows each place gives its own value alone."""

    # Any: arguments and layer are diffusers'.
    def hook(layer: Any, inputs: tuple[Any, ...], named: dict[str, Any], output: Tensor) -> Tensor:
        states: Tensor = inputs[0] if inputs else named["hidden_states"]
        own: Tensor = layer.to_out[0](layer.to_v(states))
        chosen = rows.to(output.device).view(-1, *[1] * (output.dim() - 1))
        return torch.where(chosen, own, output)

    return hook
