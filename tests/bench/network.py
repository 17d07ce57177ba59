"""What the engine adds to the network: a step inside it over the bare forward of the same rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from tests.bench.ends import Ends
from tests.studio import REPOSITORY
from webui.contracts.ids import JobId, ModelId
from webui.contracts.messages import RunJob
from webui.contracts.request import GenerationRequest
from webui.engine.engine import Engine
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.residency import Residency
from webui.engine.work import Answer, Execute, Predict, Work
from webui.training.evaluation.drawing import load_folder

STEPS = 16
TURNS = 5
TOKENS, TEXT_WIDTH = 77, 192
"""Of the starter model's cross-attention: how many, and how wide."""


@dataclass(frozen=True)
class Overhead:
    """Medians over the steps of a run."""

    step_seconds: float
    """From one step's end to the next one's, previews and bookkeeping included."""
    forward_seconds: float
    """Of the bare network on the same number of rows."""
    ratio: float
    """How many times longer a step takes than the network alone just after it: a median."""


def step_overhead(pictures: int) -> Overhead:
    """Measure `pictures` jobs at once, with guidance, on the starter model.

    After each step the bare network runs once on as many rows, so both meet the same machine: measured one
    run after the other, the ratio differed by 0.03 between two runs of a day. The engine's clock stands
    still meanwhile: previews are due by time.
    """
    model = load_folder(REPOSITORY / "models" / "starter" / "text", ModelId("starter/text"))
    forward = _bare_forward(model, 2 * pictures)
    steps, forwards = [], []
    for _ in range(TURNS if pictures == 1 else TURNS // 2 + 1):
        own, bare = _seconds_beside(model, pictures, forward)
        steps += own
        forwards += bare
    ratios = [step / bare for step, bare in zip(steps, forwards, strict=True)]
    return Overhead(
        statistics.median(steps), statistics.median(forwards), statistics.median(ratios)
    )


def _seconds_beside(
    model: LoadedModel, pictures: int, forward: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Seconds of each step of a run, and of the bare forward that follows it; the first ones left out."""
    steps: list[float] = []
    forwards: list[float] = []
    mark, aside = time.perf_counter(), 0.0

    def timed(works: Sequence[Work]) -> list[Answer]:
        nonlocal mark, aside
        answers = execute(works)
        if isinstance(works[0], Predict):
            steps.append(time.perf_counter() - mark)
            forwards.append(forward())
            mark, aside = time.perf_counter(), aside + forwards[-1]
        return answers

    _run_jobs(model, pictures, timed, lambda: time.perf_counter() - aside)
    return steps[5:], forwards[5:]


def _run_jobs(
    model: LoadedModel,
    pictures: int,
    run: Execute,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    residency = Residency(lambda _: model, 2 * model.bytes, lambda _: None)
    with residency.use(model.checkpoint):
        ends = Ends()
        engine = Engine(residency, ends, run=run, clock=clock)
        for seed in range(pictures):
            request = GenerationRequest(
                prompt="a red house by day",
                seed=seed,
                steps=STEPS,
                width=model.checkpoint.native_width,
                height=model.checkpoint.native_height,
            )
            engine.start(RunJob(JobId(str(seed)), request, model.checkpoint, {}, (), ()))
        while engine.tick():
            pass
        ends.check()


def bookkeeping_seconds(jobs: int) -> float:
    """Of a step and job, all that is not the network: samplers, guidance, turns, events, previews."""
    model = load_folder(REPOSITORY / "models" / "starter" / "text", ModelId("starter/text"))
    begins: list[float] = []
    ends: list[float] = []

    def instant(works: Sequence[Work]) -> list[Answer]:
        begins.append(time.perf_counter())
        answers: list[Answer] = [
            torch.zeros_like(work.x) for work in works if isinstance(work, Predict)
        ]
        if not answers:
            answers = execute(works)
        ends.append(time.perf_counter())
        return answers

    _run_jobs(model, jobs, instant)
    between = [begin - end for end, begin in zip(ends, begins[1:], strict=False)]
    return statistics.median(between[5:]) / jobs


def _bare_forward(model: LoadedModel, rows: int) -> Callable[[], float]:
    """A function that runs the network alone on so many rows and says how many seconds that took."""
    shape = model.latent_shape(model.checkpoint.native_width, model.checkpoint.native_height)
    x = torch.randn(rows, *shape[1:], generator=torch.Generator().manual_seed(0))
    x = x.to(memory_format=torch.channels_last)
    tokens = torch.randn(rows, TOKENS, TEXT_WIDTH)

    @torch.inference_mode()
    def seconds() -> float:
        started = time.perf_counter()
        model.unet(x, 500.0, tokens, return_dict=False)
        return time.perf_counter() - started

    return seconds
