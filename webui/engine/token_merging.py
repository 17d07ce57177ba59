"""Token merging (ToMe for Stable Diffusion: Bolya & Hoffman 2023): alike tokens attend as one.

Before self-attention where the picture has most tokens, one of every 2x2 is set aside as a place to
merge into; of the others those most like one of these are averaged into it, and get its answer back
afterwards. The paper draws the place in each 2x2 by chance; ours is always the first, so that a
picture needs no further randomness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Merging:
    """Which tokens of (R, N, C) stand for which."""

    places: Tensor
    """(D,): tokens that are merged into."""
    kept: Tensor
    """(R, K): others that stay themselves."""
    merged: Tensor
    """(R, M): tokens that are merged away."""
    into: Tensor
    """(R, M): index in `places` of where each of these goes."""

    def merge(self, tokens: Tensor) -> Tensor:
        """(R, K + D, C): those that stay, then the places, each the mean of all that it stands for."""
        channels = tokens.shape[-1]
        gone = tokens.gather(1, _wide(self.merged, channels))
        places = tokens[:, self.places].scatter_reduce(
            1, _wide(self.into, channels), gone, "mean", include_self=True
        )
        return torch.cat((tokens.gather(1, _wide(self.kept, channels)), places), 1)

    def unmerge(self, answers: Tensor) -> Tensor:
        """(R, N, C): to each token the answer to what stood for it."""
        rows, _, channels = answers.shape
        stayed, places = answers[:, : self.kept.shape[1]], answers[:, self.kept.shape[1] :]
        count = answers.shape[1] + self.merged.shape[1]
        whole = answers.new_empty(rows, count, channels)
        whole[:, self.places] = places
        whole.scatter_(1, _wide(self.kept, channels), stayed)
        back = places.gather(1, _wide(self.into, channels))
        return whole.scatter_(1, _wide(self.merged, channels), back)


def match(tokens: Tensor, height: int, width: int, ratio: float) -> Merging:
    """Pair tokens (R, height * width, C) by likeness; `ratio` of all are merged away, 0.75 at most."""
    numbers = torch.arange(height * width, device=tokens.device).view(height, width)
    is_place = torch.zeros_like(numbers, dtype=torch.bool)
    is_place[::2, ::2] = True
    places, others = numbers[is_place], numbers[~is_place]
    unit = functional.normalize(tokens.float(), dim=-1)
    best, into = (unit[:, others] @ unit[:, places].mT).max(-1)  # (R, N - D)
    order = best.argsort(dim=-1, descending=True, stable=True)
    count = min(int(height * width * ratio), others.shape[0])
    merged, kept = order[:, :count], order[:, count:]
    return Merging(places, others[kept], others[merged], into.gather(1, merged))


def can_merge(network: nn.Module) -> bool:
    """Whether a network has self-attention over tokens, as transformer blocks have it."""
    return bool(_attentions(network))


@contextmanager
def merged_tokens(network: nn.Module, ratio: float, height: int, width: int) -> Iterator[None]:
    """While it is open, the network's largest self-attentions merge this share of their tokens.

    Args:
        network: A UNet; (height, width) are the sides of its latent.
        ratio: 0 to 0.75; at 0 nothing is done.
        height: In cells.
        width: In cells.
    """
    if ratio == 0:
        yield
        return
    level, attentions = _level(network), _attentions(network)
    sides = height, width
    for _ in range(level):
        sides = -(-sides[0] // 2), -(-sides[1] // 2)
    for attention in attentions:
        attention.forward = _merging(attention.forward, *sides, ratio)
    try:
        yield
    finally:
        for attention in attentions:
            del attention.forward  # the class's own is behind it


# Any, here and below: diffusers' networks are typed loosely.
def _merging(
    attend: Callable[..., Any], height: int, width: int, ratio: float
) -> Callable[..., Any]:
    def forward(hidden_states: Tensor, *given: Any, **named: Any) -> Any:
        merging = match(hidden_states, height, width, ratio)
        return merging.unmerge(attend(merging.merge(hidden_states), *given, **named))

    return forward


def _level(network: Any) -> int:
    """The first level, from the largest, that has transformer blocks."""
    return next(i for i, block in enumerate(network.down_blocks) if _transformers(block))


def _attentions(network: Any) -> list[Any]:
    """The self-attentions of that level, on the way down and up."""
    downs = list(getattr(network, "down_blocks", ()))
    levels = [i for i, block in enumerate(downs) if _transformers(block)]
    if not levels:
        return []
    blocks = [downs[levels[0]], network.up_blocks[len(downs) - 1 - levels[0]]]
    return [transformer.attn1 for block in blocks for transformer in _transformers(block)]


def _transformers(block: Any) -> list[Any]:
    attentions = getattr(block, "attentions", None) or []
    return [t for a in attentions for t in getattr(a, "transformer_blocks", ())]


def _wide(index: Tensor, channels: int) -> Tensor:
    """(R, M) as an index into (R, N, C)."""
    return index[..., None].expand(-1, -1, channels)
