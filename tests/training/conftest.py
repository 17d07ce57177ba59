"""Runs that take as many steps on any machine, and draw their sheets in few."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor
from typing_extensions import override

from webui.training import (
    controlnet,
    diffusion,
    first_stage,
    layout,
    loop,
    text,
    text_to_image,
    upscale,
)
from webui.training.runs import Clock


class CountedClock(Clock):
    """A tenth of a second goes by whenever a run asks how much of its budget is used: once or twice a step."""

    asked = 0

    @property
    @override
    def seconds(self) -> float:
        return self.spent_seconds + self.asked / 10

    @property
    @override
    def progress(self) -> float:
        self.asked += 1
        return super().progress


@pytest.fixture(autouse=True)
def counted_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have budgets be counts of steps, so that no test waits for the end of one, or has too few on a busy machine."""
    for trains in (first_stage, loop, text):
        monkeypatch.setattr(trains, "Clock", CountedClock)


@pytest.fixture(autouse=True)
def short_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the sheets of runs be drawn in two steps: they took half of the time, and no test looks at what they show."""

    def sample(predict: diffusion.Predict, shape: tuple[int, ...], steps: int, *how: Any) -> Tensor:
        return diffusion.sample(predict, shape, min(steps, 2), *how)

    for draws in (controlnet, layout, text_to_image, upscale):
        monkeypatch.setattr(draws, "sample", sample)
