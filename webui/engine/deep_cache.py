"""Step caching (DeepCache: Ma et al. 2023): the deep part of a UNet changes slowly from step to step.

What enters the last layer of the last up block is kept from a whole pass; the next steps compute that
layer alone, on what is kept and on the new latent after the first convolution. Everything between is
put to sleep for such a pass: its modules hand on tensors without channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from webui.engine.work import Kept, Predict

FREEU_BLOCKS = 2
"""FreeU filters what enters so many up blocks, the deepest first."""


class StepCache:
    """Decides for one picture which predictions are whole, and keeps what the others reuse."""

    def __init__(self, interval: int) -> None:
        """Of `interval` noise levels in a row the first is whole."""
        self._interval = interval
        self._level: float | None = None
        self._levels = 0
        self._place = 0
        self._slots: dict[object, _Slot] = {}

    def prepare(self, work: Predict) -> Predict:
        """The same prediction, told what to keep or what to reuse.

        Predictions at one level are told apart by their order: windows of a large picture, or the two
        evaluations of a sampler of second order. Those that ask about the middle of the network, which
        a reusing one never comes to, or patch it, stay as they are. Where the noise rises again, as in a
        second pass, nothing of before is reused.
        """
        if (
            work.shows_looks
            or work.patchings
            or not can_reuse(work.model.unet)
            or _filters_last_layer(work)
        ):
            return work
        if self._level is not None and work.t > self._level:
            self._slots.clear()
        if work.t == self._level:
            self._place += 1
        else:
            self._level, self._place, self._levels = work.t, 0, self._levels + 1
        tokens = None if work.tokens is None else work.tokens.shape
        key = (id(work.model), self._place, work.x.shape, tokens, len(work.controls))
        slot = self._slots.get(key)
        if slot is not None and self._levels - slot.made < self._interval:
            features = slot.kept.features
            if features is not None:
                return replace(work, reuse=features)
        self._slots[key] = slot = _Slot(self._levels)
        return replace(work, keep=slot.kept)


class _Slot:
    def __init__(self, made: int) -> None:
        self.made = made
        self.kept = Kept()


# Any: diffusers' blocks are typed loosely.
def _filters_last_layer(work: Predict) -> bool:
    """Whether FreeU reaches the last up block, as it does in a UNet of two levels."""
    ups: Any = work.model.unet.up_blocks
    return work.alterations.freeu is not None and len(ups) < FREEU_BLOCKS + 1


def can_reuse(network: nn.Module) -> bool:
    """Whether a network has the parts that step caching tells apart."""
    ups: Any = getattr(network, "up_blocks", ())
    named = all(hasattr(network, name) for name in ("conv_in", "down_blocks", "mid_block"))
    return named and len(ups) > 0 and len(getattr(ups[-1], "resnets", ())) > 1


@contextmanager
def deep_cache(network: nn.Module, works: Sequence[Predict]) -> Iterator[None]:
    """While it is open, a pass of the works' rows reuses what they bring, or keeps what they ask for."""
    if works[0].reuse is not None:
        features = torch.cat([work.reuse for work in works if work.reuse is not None])
        with _asleep(network), _hooked(network, _bring(features)):
            yield
    elif any(work.keep is not None for work in works):
        taken: list[Tensor] = []
        with _hooked(network, _take(taken, _first_channels(network))):
            yield
        parts = torch.split(taken[0], [work.x.shape[0] for work in works])
        for work, part in zip(works, parts, strict=True):
            if work.keep is not None:
                work.keep.features = part.clone()  # not a view that holds the others' rows too
    else:
        yield


Hook = Callable[[nn.Module, tuple[Any, ...]], tuple[Any, ...] | None]


def _bring(features: Tensor) -> Hook:
    return lambda _, inputs: (torch.cat((features, inputs[0]), 1), *inputs[1:])


def _take(taken: list[Tensor], first: int) -> Hook:
    def take(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        taken.append(inputs[0][:, :-first])  # what follows is the connection

    return take


@contextmanager
def _hooked(network: nn.Module, hook: Hook) -> Iterator[None]:
    """The hook sees what enters the last layer of the last up block."""
    last: Any = network.up_blocks[-1]  # type: ignore[index]
    handle = last.resnets[-1].register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


# Any, here and below: diffusers' networks are typed loosely.
def _first_channels(network: Any) -> int:
    return int(network.conv_in.out_channels)


@contextmanager
def _asleep(network: Any) -> Iterator[None]:
    """All between the first convolution and the last layer hands on nothing."""
    last = network.up_blocks[-1]
    ends = [*last.resnets[:-1], *(getattr(last, "attentions", None) or [])[:-1]]
    stands = [(block, _sleeping_down(block)) for block in network.down_blocks]
    middle = [] if network.mid_block is None else [network.mid_block]  # pruned ones have none
    stands += [(block, _sleeping) for block in [*middle, *network.up_blocks[:-1], *ends]]
    for module, stand in stands:
        module.forward = stand
    try:
        yield
    finally:
        for module, _ in stands:
            del module.forward  # the class's own is behind it


def _sleeping(hidden_states: Tensor, *_: object, **given: object) -> Any:
    nothing = hidden_states[:, :0]
    return (nothing,) if given.get("return_dict") is False else nothing


def _sleeping_down(block: Any) -> Callable[..., tuple[Tensor, tuple[Tensor, ...]]]:
    connections = len(block.resnets) + (1 if block.downsamplers else 0)

    def stand(hidden_states: Tensor, *_: object, **__: object) -> tuple[Tensor, tuple[Tensor, ...]]:
        nothing = hidden_states[:, :0]
        return nothing, (nothing,) * connections

    return stand
