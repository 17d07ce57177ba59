"""The judge: a small classifier of rendered scenes, which reads what a picture shows.

It says the time of day and the ground, and for each kind of thing at each side whether it is there
and in which colour. Its own accuracy on unseen rendered scenes is always stated beside what it
judges, because no judgement can be better than that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from webui.training.first_stage import to_model
from webui.training.runs import Pixels, learning_rate
from webui.training.scenes import UNSEEN_SEEDS, ScenePool
from webui.training.world import (
    COLOUR_WORDS,
    GROUNDS,
    KINDS,
    SIDES,
    TIMES,
    Scene,
    render,
    sample_scene,
)

log = logging.getLogger(__name__)

STATES = 1 + len(COLOUR_WORDS)
"""Of a kind at a side: 0 absent, else 1 + index of its colour; things without a colour are 1."""


@dataclass(frozen=True)
class JudgeSettings:
    """Everything the judge depends on."""

    channels: tuple[int, ...] = (24, 48, 96, 128)
    batch: int = 64
    pictures: int = 100_000
    """Training pictures in all, each seen about as often as the pool allows."""
    peak_learning_rate: float = 2e-3
    seed: int = 4


class Judge(nn.Module):
    """Strided convolutions, then one linear layer on a 4x4 grid, so that it knows where things are."""

    def __init__(self, settings: JudgeSettings) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for following in settings.channels:
            layers += [nn.Conv2d(width, following, 3, 2, 1), nn.BatchNorm2d(following), nn.SiLU()]
            layers += [
                nn.Conv2d(following, following, 3, 1, 1),
                nn.BatchNorm2d(following),
                nn.SiLU(),
            ]
            width = following
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((4, 6)), nn.Flatten())
        self.time = nn.Linear(width * 24, len(TIMES))
        self.ground = nn.Linear(width * 24, len(GROUNDS))
        self.things = nn.Linear(width * 24, len(KINDS) * len(SIDES) * STATES)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (B, 3, 128, 128) in [-1, 1] to logits (B, times), (B, grounds), (B, kinds, sides, states)."""
        seen = self.features(pictures)
        things = self.things(seen).view(-1, len(KINDS), len(SIDES), STATES)
        return self.time(seen), self.ground(seen), things


@dataclass(frozen=True)
class Verdict:
    """What the judge reads in one picture."""

    time: str
    ground: str
    things: NDArray[np.int64]
    """State per kind and side, int (kinds, sides)."""

    def shows(self, kind: str) -> bool:
        """Whether the kind is anywhere."""
        return bool((self.things[KINDS.index(kind)] > 0).any())

    def shows_at(self, kind: str, side: str) -> bool:
        """Whether the kind is at this side."""
        return bool(self.things[KINDS.index(kind), SIDES.index(side)] > 0)

    def shows_coloured(self, kind: str, colour: str) -> bool:
        """Whether the kind is anywhere in this colour."""
        return bool((self.things[KINDS.index(kind)] == 1 + COLOUR_WORDS.index(colour)).any())


def truth(scene: Scene) -> tuple[int, int, NDArray[np.int64]]:
    """What a perfect judge would say of the scene."""
    things = np.zeros((len(KINDS), len(SIDES)), np.int64)
    for thing in scene.things:
        state = 1 if thing.colour is None else 1 + COLOUR_WORDS.index(thing.colour)
        things[KINDS.index(thing.kind), SIDES.index(thing.side)] = state
    return TIMES.index(scene.time), GROUNDS.index(scene.ground), things


def _spoil(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur and noise, mildly: generated pictures are softer than rendered ones."""
    if rng.random() < 0.5:
        small = F.interpolate(pictures, scale_factor=float(rng.uniform(0.45, 0.9)), mode="area")
        pictures = F.interpolate(small, size=pictures.shape[-2:], mode="bilinear")
    return pictures + float(rng.uniform(0, 0.08)) * torch.randn_like(pictures)


def train_judge(settings: JudgeSettings, pool: ScenePool, device: torch.device) -> Judge:
    """Train on rendered scenes whose truth is known."""
    torch.manual_seed(settings.seed)  # noqa: TID251  (a training run owns its process)
    rng = np.random.default_rng(settings.seed)
    judge = Judge(settings).to(device)
    optimizer = torch.optim.AdamW(judge.parameters(), weight_decay=0.02)
    steps = settings.pictures // settings.batch
    for step in range(steps):
        chosen = np.sort(rng.integers(len(pool), size=settings.batch))
        truths = [truth(sample_scene(pool.first_seed + int(i))) for i in chosen]
        time = torch.tensor([t[0] for t in truths], device=device)
        ground = torch.tensor([t[1] for t in truths], device=device)
        things = torch.from_numpy(np.stack([t[2] for t in truths])).to(device)
        pictures = _spoil(
            to_model(pool.pictures[chosen]).to(device, memory_format=torch.channels_last), rng
        )
        of_time, of_ground, of_things = judge(pictures)
        loss = F.cross_entropy(of_time, time) + F.cross_entropy(of_ground, ground)
        loss = loss + 5 * F.cross_entropy(of_things.flatten(0, 2), things.flatten())
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                settings.peak_learning_rate, step, step / steps, warmup_steps=50
            )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        if step % 100 == 0:
            log.info("judge: step %d of %d, loss %.4f", step, steps, loss.item())
    judge.eval()
    return judge


@torch.no_grad()
def judge_pictures(judge: Judge, pictures: Pixels, batch: int = 64) -> list[Verdict]:
    """Read uint8 pictures (N, 128, 128, 3)."""
    device = next(judge.parameters()).device
    verdicts = []
    for start in range(0, len(pictures), batch):
        of_time, of_ground, of_things = judge(to_model(pictures[start : start + batch]).to(device))
        for time, ground, things in zip(of_time, of_ground, of_things.argmax(-1), strict=True):
            verdicts.append(
                Verdict(
                    TIMES[int(time.argmax())], GROUNDS[int(ground.argmax())], things.cpu().numpy()
                )
            )
    return verdicts


def unseen_scenes(count: int, size: int = 128, offset: int = 0) -> tuple[list[Scene], Pixels]:
    """Scenes that nothing was trained on, and their pictures uint8 (N, size, size, 3)."""
    scenes = [sample_scene(UNSEEN_SEEDS + offset + i) for i in range(count)]
    return scenes, np.stack([render(scene, size, size).image for scene in scenes])


def save_judge(judge: Judge, path: Path) -> None:
    """Write the judge's weights as float16 safetensors."""
    weights = {
        k: v.to(torch.float16) if v.dtype.is_floating_point else v
        for k, v in judge.state_dict().items()
    }
    save_file({k: v.contiguous() for k, v in weights.items()}, path)


def load_judge(path: Path) -> Judge:
    """Read a judge that `save_judge` wrote."""
    judge = Judge(JudgeSettings())
    judge.load_state_dict(
        {k: v.float() if v.dtype == torch.float16 else v for k, v in load_file(path).items()}
    )
    return judge.eval()
