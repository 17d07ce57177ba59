"""When the LoRAs of a prompt are at work: the square brackets around their tags, and their start and stop.

Moments are shares of the steps: 0 to 1 in the first pass, 1 to 2 in the second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from webui.prompt.networks import LoraTag, loras_in, network_tags
from webui.prompt.timeline import stages_of

Span = tuple[float, float]
"""From a moment up to, not including, another."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


@dataclass(frozen=True)
class Pass:
    """A pass over the steps."""

    number: int
    """0 of the first, 1 of the second."""
    steps: int
    after: int = 0
    """Steps of the pass before."""
    old: bool = False
    """Whether they are counted by the old rule (`timeline.stages_of`)."""


@dataclass(frozen=True)
class TimedLora:
    """A LoRA that a prompt names."""

    tag: LoraTag
    during: tuple[Span, ...]
    """When it is at work, in order; empty means always."""
    never: bool = False
    """Whether it is at work at no time."""


def timed_loras(prompt: str, passes: Sequence[Pass]) -> tuple[TimedLora, ...]:
    """The LoRAs that a prompt names, in order, and when each is at work in some passes.

    Raises:
        BadRequest: as `loras_in`.
    """
    tags = loras_in(prompt)
    if not tags:
        return ()
    marked = _marked(prompt)
    spans: list[list[Span]] = [[] for _ in tags]
    for each in passes:
        begin = 0
        for stage in stages_of(marked, each.steps, each.after, each.old):
            span = each.number + begin / each.steps, each.number + stage.until / each.steps
            for index in map(int, _MARK.findall(stage.text)):
                spans[index].append(span)
            begin = stage.until
    return tuple(_timed(tag, found, passes) for tag, found in zip(tags, spans, strict=True))


def _marked(prompt: str) -> str:
    """The prompt with a mark in each tag's place, which no bracket or colon is part of."""
    pieces, at = [], 0
    for index, tag in enumerate(network_tags(prompt)):
        pieces += [_plain(prompt[at : tag.start]), f"{_OPEN}{index}{_CLOSE}"]
        at = tag.start + len(tag.text)
    return "".join([*pieces, _plain(prompt[at:])])


def _plain(text: str) -> str:
    return text.replace(_OPEN, "").replace(_CLOSE, "")


def _timed(tag: LoraTag, spans: Sequence[Span], passes: Sequence[Pass]) -> TimedLora:
    if not passes:
        return TimedLora(tag, ())
    start = _moment(tag.start, passes) if tag.start else 0.0
    stop = _moment(tag.stop, passes) if tag.stop else 2.0
    within = [(max(begin, start), min(end, stop)) for begin, end in spans]
    joined = _joined([span for span in within if span[0] < span[1]])
    whole = _joined([(float(each.number), each.number + 1.0) for each in passes])
    return TimedLora(tag, () if joined == whole else joined, never=not joined)


def _moment(number: str, passes: Sequence[Pass]) -> float:
    """A number with a point is a share; else it is a step, counted on in a second pass."""
    value = float(number)
    if "." in number:
        return min(value, 2.0)
    first = passes[0]
    if value <= first.after + first.steps:
        return max(first.number + (value - first.after) / first.steps, 0.0)
    last = passes[-1]
    return last.number + min(1.0, (value - last.after) / last.steps)


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans with those that touch made one."""
    joined: list[Span] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1] + 1e-9:
            begin, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((begin, end))
    return tuple(joined)
