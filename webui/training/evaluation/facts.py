"""What captions state, and whether pictures show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from webui.training.judge import Verdict
from webui.training.world import Caption

SORTS = ("time of day", "ground", "style", "object", "colour", "side", "count")
"""Of facts that a caption can state."""

BARS: dict[str, tuple[float, float]] = {
    "time of day": (0.85, 0.95),
    "ground": (0.85, 0.95),
    "style": (0.85, 0.95),
    "object": (0.85, 0.95),
    "colour": (0.85, 0.95),
    "side": (0.85, 0.95),
    "count": (0.60, 0.85),
}
"""Share of stated facts that a text model should get right, by recipe: CPU, GPU."""


@dataclass(frozen=True)
class Share:
    """So many right of so many."""

    right: int
    of: int

    @property
    def share(self) -> float:
        """0 to 1; NaN of none."""
        return self.right / self.of if self.of else float("nan")


def marks(said: Caption, verdict: Verdict) -> Iterator[tuple[str, bool]]:
    """Each fact that the caption states: its sort, and whether the verdict confirms it."""
    if said.said_time:
        yield "time of day", verdict.time == said.time
    if said.said_ground:
        yield "ground", verdict.ground == said.ground
    if said.said_style:
        yield "style", verdict.style == said.style
    for mention in said.said_things:
        thing = mention.thing
        yield "object", verdict.shows(thing.kind)
        if mention.said_colour and thing.colour is not None:
            yield "colour", verdict.shows_coloured(thing.kind, thing.colour)
        if mention.said_side:
            yield "side", verdict.shows_at(thing.kind, thing.side)
        if mention.said_count:
            yield "count", verdict.shows_counted(thing.kind, thing.count)


def score(said: Sequence[Caption], verdicts: Iterable[Verdict]) -> dict[str, Share]:
    """How many stated facts the verdicts confirm, by sort, for every sort."""
    right, of = dict.fromkeys(SORTS, 0), dict.fromkeys(SORTS, 0)
    for caption, verdict in zip(said, verdicts, strict=True):
        for sort, is_right in marks(caption, verdict):
            right[sort] += is_right
            of[sort] += 1
    return {sort: Share(right[sort], of[sort]) for sort in SORTS}


def overall(scores: dict[str, Share]) -> Share:
    """Facts of all sorts together."""
    return Share(sum(s.right for s in scores.values()), sum(s.of for s in scores.values()))
