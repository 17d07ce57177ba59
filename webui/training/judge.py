"""The judge: a small classifier of rendered scenes, which reads what a picture shows.

It says the time of day, the ground and the style, and for each kind of thing at each side whether
it is there, in which colour and how many. Its own accuracy on unseen rendered scenes is always
stated beside what it judges, because no judgement can be better than that. What it sees before it
answers serves to compare pictures: one by one (feature distance) and as crowds (Frechet distance).

    python launch.py train judge
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from webui.training.command import STARTER, is_main, parse, with_budget
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit
from webui.training.reading import (
    EvenStyles,
    at_read_size,
    block,
    lesson_scenes,
    load_weights,
    reader_settings,
    save_reader,
    spoiled_batch,
)
from webui.training.runs import Pixels
from webui.training.scenes import ScenePool
from webui.training.world import (
    COLOUR_WORDS,
    GROUNDS,
    KINDS,
    SIDES,
    STYLES,
    TIMES,
    Scene,
    sample_scene,
)

log = logging.getLogger(__name__)

STATES = 1 + len(COLOUR_WORDS)
"""Of a kind at a side: 0 absent, else 1 + index of its colour; things without a colour are 1."""
COUNTS = 4
"""Of a kind at a side: none to three."""


@dataclass(frozen=True)
class JudgeSettings:
    """Everything the judge depends on."""

    channels: tuple[int, ...] = (24, 48, 96, 128)
    """Width of each level; each halves the side."""
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            batch=64, peak_learning_rate=2e-3, weight_decay=0.02, warmup_steps=50, seed=4,
            budget_seconds=7.5 * 60,
        )
    )  # fmt: skip


class Logits(NamedTuple):
    """What the network answers, before it decides."""

    time: Tensor  # (B, times)
    ground: Tensor  # (B, grounds)
    style: Tensor  # (B, styles)
    things: Tensor  # (B, kinds, sides, STATES)
    counts: Tensor  # (B, kinds, sides, COUNTS)


class Judge(nn.Module):
    """Strided convolutions, then one linear layer on a 4x8 grid, so that it knows where things are."""

    def __init__(self, settings: JudgeSettings) -> None:
        super().__init__()
        levels, width = [], 3
        for following in settings.channels:
            levels.append(nn.Sequential(block(width, following, 2), block(following, following)))
            width = following
        self.levels = nn.ModuleList(levels)
        self.grid = nn.Sequential(nn.AdaptiveAvgPool2d((4, 8)), nn.Flatten())
        seen, places = width * 32, len(KINDS) * len(SIDES)
        self.time = nn.Linear(seen, len(TIMES))
        self.ground = nn.Linear(seen, len(GROUNDS))
        self.style = nn.Linear(seen, len(STYLES))
        self.things = nn.Linear(seen, places * STATES)
        self.counts = nn.Linear(seen, places * COUNTS)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """Features of each level, (B, C, H/2, W/2) and so on, of pictures (B, 3, H, W) in [-1, 1]."""
        found: list[Tensor] = []
        for level in self.levels:
            pictures = level(pictures)
            found.append(pictures)
        return found

    def features(self, pictures: Tensor) -> Tensor:
        """What it sees, wherever, of pictures (B, 3, 128, 128) in [-1, 1]: the last level's mean (B, C).

        As the features of Inception that Heusel et al. 2017 compare; few enough for a covariance.
        """
        return self.maps(pictures)[-1].mean(dim=(2, 3))

    def forward(self, pictures: Tensor) -> Logits:
        """Logits of pictures (B, 3, 128, 128) in [-1, 1]."""
        seen, shape = (
            self.grid(self.maps(pictures)[-1]),
            (len(pictures), len(KINDS), len(SIDES), -1),
        )
        things, counts = self.things(seen).view(shape), self.counts(seen).view(shape)
        return Logits(self.time(seen), self.ground(seen), self.style(seen), things, counts)


@dataclass(frozen=True)
class Verdict:
    """What the judge reads in one picture, or what is true of it."""

    time: str
    ground: str
    style: str
    things: NDArray[np.int64]
    """State per kind and side, (kinds, sides)."""
    counts: NDArray[np.int64]
    """How many per kind and side, (kinds, sides)."""

    def shows(self, kind: str) -> bool:
        """Whether the kind is anywhere."""
        return bool((self.things[KINDS.index(kind)] > 0).any())

    def shows_at(self, kind: str, side: str) -> bool:
        """Whether the kind is at this side."""
        return bool(self.things[KINDS.index(kind), SIDES.index(side)] > 0)

    def shows_coloured(self, kind: str, colour: str, side: str | None = None) -> bool:
        """Whether the kind is in this colour, at this side or anywhere."""
        state = 1 + COLOUR_WORDS.index(colour)
        return bool((self._of(self.things, kind, side) == state).any())

    def shows_counted(self, kind: str, count: int, side: str | None = None) -> bool:
        """Whether so many of the kind are together, at this side or anywhere."""
        return bool((self._of(self.counts, kind, side) == count).any())

    @staticmethod
    def _of(table: NDArray[np.int64], kind: str, side: str | None) -> NDArray[np.int64]:
        row: NDArray[np.int64] = table[KINDS.index(kind)]
        return row if side is None else row[[SIDES.index(side)]]


def truth(scene: Scene) -> Verdict:
    """What a perfect judge would say of the scene."""
    things = np.zeros((len(KINDS), len(SIDES)), np.int64)
    counts = np.zeros_like(things)
    for thing in scene.things:
        at = KINDS.index(thing.kind), SIDES.index(thing.side)
        things[at] = 1 if thing.colour is None else 1 + COLOUR_WORDS.index(thing.colour)
        counts[at] = thing.count
    return Verdict(scene.time, scene.ground, scene.style, things, counts)


def lessons(verdicts: Iterable[Verdict]) -> Logits:
    """Class indices in the places of the logits: (B,), (B,), (B,), (B, kinds, sides) twice."""
    table = [
        (TIMES.index(v.time), GROUNDS.index(v.ground), STYLES.index(v.style), v.things, v.counts)
        for v in verdicts
    ]
    return Logits(*(torch.from_numpy(np.stack(column)) for column in zip(*table, strict=True)))


def judge_loss(said: Logits, right: Logits) -> Tensor:
    """Cross-entropy of all answers, a scalar; things weigh more, for most places are empty."""
    loss = said.time.new_zeros(())
    for weight, answer, wanted in zip((1, 1, 1, 5, 3), said, right, strict=True):
        classes = answer.shape[-1]
        wanted = wanted.to(answer.device).flatten()
        loss = loss + weight * F.cross_entropy(answer.reshape(-1, classes).float(), wanted)
    return loss


def train_judge(settings: JudgeSettings, pool: ScenePool, folder: Path) -> Judge:
    """Train, or go on training, in `folder`, on rendered scenes whose truth is known."""
    right = lessons(truth(sample_scene(pool.first_seed + i)) for i in range(len(pool)))
    even = EvenStyles(pool)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        chosen = even.draw(settings.loop.batch, rng)
        device = next(network.parameters()).device
        said = network(spoiled_batch(pool.pictures[chosen], rng, device))
        return judge_loss(said, Logits(*(column[chosen] for column in right)))

    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    return fit(Judge(settings), loss, settings.loop, folder, settings)


RECIPES = {
    "cpu": JudgeSettings(),
    "gpu": JudgeSettings(
        loop=LoopSettings(
            batch=256, peak_learning_rate=3e-3, weight_decay=0.02, warmup_steps=50, seed=4,
            budget_seconds=90,
        )
    ),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the judge and write it beside the starter models."""
    command = parse("judge", __doc__, arguments, STARTER / "judge.safetensors", goes_on=False)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    judge = train_judge(settings, lesson_scenes(command), command.work)
    if is_main():
        save_judge(judge, settings, command.out)
    return 0


def _batches(judge: nn.Module, pictures: Pixels, batch: int = 64) -> Iterable[Tensor]:
    device = next(judge.parameters()).device
    for start in range(0, len(pictures), batch):
        yield to_model(pictures[start : start + batch]).to(device)


@torch.no_grad()
def judge_pictures(judge: Judge, pictures: Pixels) -> list[Verdict]:
    """Read uint8 pictures (N, H, W, 3) of any size."""
    verdicts = []
    for part in _batches(judge, at_read_size(pictures)):
        read = [answer.argmax(-1).cpu().numpy() for answer in judge(part)]
        for time, ground, style, things, counts in zip(*read, strict=True):
            verdicts.append(Verdict(TIMES[time], GROUNDS[ground], STYLES[style], things, counts))
    return verdicts


@torch.no_grad()
def judge_features(judge: Judge, pictures: Pixels) -> NDArray[np.float64]:
    """What the judge sees in uint8 pictures (N, H, W, 3) of any size: (N, F)."""
    seen = [judge.features(part).double().cpu() for part in _batches(judge, at_read_size(pictures))]
    return torch.cat(seen).numpy()


@torch.no_grad()
def feature_distance(judge: Judge, made: Pixels, wanted: Pixels) -> float:
    """How different pictures (N, H, W, 3) look to the judge, pair by pair: 0 when equal.

    As LPIPS (Zhang et al. 2018, equation 1) without learned weights: squared distance of the
    features of each place, brought to unit length over the channels, averaged over places, then
    summed over the levels. At the pictures' own size, which must be a multiple of 16.
    """
    total, pairs = 0.0, zip(_batches(judge, made, 8), _batches(judge, wanted, 8), strict=True)
    for one, other in pairs:
        for a, b in zip(judge.maps(one), judge.maps(other), strict=True):
            difference = F.normalize(a, dim=1) - F.normalize(b, dim=1)
            total += float(difference.square().sum(dim=1).mean(dim=(1, 2)).sum())
    return total / len(made)


def save_judge(judge: Judge, settings: JudgeSettings, path: Path) -> None:
    """Write the judge's weights as float16 safetensors."""
    save_reader(judge, settings, path)


def load_judge(path: Path) -> Judge:
    """Read a judge that `save_judge` wrote.

    Raises:
        ValueError: the file is of an older edition.
    """
    kept = reader_settings(path)
    judge = Judge(JudgeSettings(channels=tuple(kept["channels"])))
    load_weights(judge, path)
    return judge


if __name__ == "__main__":
    raise SystemExit(main())
