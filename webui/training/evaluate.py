"""How well a text model draws what it is told, against truth: `python launch.py evaluate`.

500 captions of scenes that nothing was trained on are drawn with fixed seeds; the judge reads the
pictures; every fact that a caption states is right or wrong. Beside each figure stands what the
judge scores on the true pictures of the same scenes, its ceiling, and what a picture drawn for
another caption scores, the floor that chance gives.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from webui.contracts.errors import JobFailed
from webui.contracts.ids import JobId, ModelId
from webui.contracts.messages import JobEnded, PictureReady, RunJob, WorkerEvent
from webui.contracts.request import GenerationRequest
from webui.engine.engine import Engine, EngineOptions
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.residency import Residency
from webui.services.diffusers_folder import describe_folder
from webui.training.first_stage import reconstruction_psnr
from webui.training.judge import Judge, Verdict, judge_pictures, load_judge, unseen_scenes
from webui.training.runs import Pixels, picture_sheet, write_png
from webui.training.world import Caption, caption_facts

log = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[2]
JUDGE_FILE = REPOSITORY / "models" / "starter" / "judge.safetensors"
JUDGE_SIZE = 128
BARS = {"time of day": 0.90, "ground": 0.90, "object": 0.75, "colour": 0.60, "side": 0.60}
"""First-edition bars, share of stated facts that are right."""


@dataclass(frozen=True)
class Evaluation:
    """The measured table of a text model."""

    accuracy: dict[str, float]
    """Fact to share right in the model's pictures."""
    ceiling: dict[str, float]
    """The same for the true pictures: the judge's own accuracy."""
    floor: dict[str, float]
    """The same for pictures drawn for the next caption."""
    facts: dict[str, int]
    """How many facts of each sort the captions stated."""
    psnr_db: float
    """First stage's reconstruction of the unseen scenes."""
    prompts: int
    size: int
    """Side of the pictures in pixels."""
    steps: int
    guidance_scale: float
    seconds_per_picture: float


def score(
    said: Sequence[Caption], verdicts: Iterable[Verdict]
) -> tuple[dict[str, float], dict[str, int]]:
    """Share of stated facts that the verdicts confirm, and how many were stated, by sort."""
    right: dict[str, list[bool]] = defaultdict(list)
    for caption, verdict in zip(said, verdicts, strict=True):
        if caption.said_time:
            right["time of day"].append(verdict.time == caption.time)
        if caption.said_ground:
            right["ground"].append(verdict.ground == caption.ground)
        for mention in caption.said_things:
            thing = mention.thing
            right["object"].append(verdict.shows(thing.kind))
            if mention.said_colour and thing.colour is not None:
                right["colour"].append(verdict.shows_coloured(thing.kind, thing.colour))
            if mention.said_side:
                right["side"].append(verdict.shows_at(thing.kind, thing.side))
    return {k: float(np.mean(v)) for k, v in right.items()}, {k: len(v) for k, v in right.items()}


def draw(model: LoadedModel, requests: Sequence[GenerationRequest]) -> list[Pixels]:
    """A picture for each request, uint8 (H, W, 3), made by the engine as for any user's job."""
    pictures: dict[str, Pixels] = {}
    failures: list[str] = []

    def collect(event: WorkerEvent) -> None:
        if isinstance(event, PictureReady):
            flat = np.frombuffer(event.data, np.uint8)
            pictures[event.job_id] = flat.reshape(event.height, event.width, 3)
        elif isinstance(event, JobEnded) and event.state != "done":
            failures.append(f"{event.job_id}: {event.error}")

    residency = Residency(lambda _: model, budget_bytes=2 * model.bytes, on_loaded=lambda _: None)
    with residency.use(model.checkpoint):
        engine = Engine(residency, collect, EngineOptions(preview_seconds=math.inf))
        for i, request in enumerate(requests):
            engine.start(RunJob(JobId(str(i)), request, model.checkpoint, None, ()))
        while engine.tick():
            pass
    if failures:
        raise JobFailed(
            f"{len(failures)} of {len(requests)} pictures failed; the first: {failures[0]}"
        )
    return [pictures[str(i)] for i in range(len(requests))]


def evaluate_text_model(
    model: LoadedModel,
    judge: Judge,
    prompts: int = 500,
    steps: int = 20,
    guidance_scale: float = 5.0,
    sheet: Path | None = None,
) -> Evaluation:
    """Measure a model; with `sheet`, also write its first 24 pictures."""
    size = model.checkpoint.native_width
    scenes, pictures = unseen_scenes(prompts, size)
    said = [caption_facts(scene, np.random.default_rng([scene.seed, 7])) for scene in scenes]
    requests = [
        GenerationRequest(prompt=c.text, seed=i, steps=steps, guidance_scale=guidance_scale)
        for i, c in enumerate(said)
    ]
    started = time.perf_counter()
    drawn = np.stack(draw(model, requests))
    seconds = (time.perf_counter() - started) / prompts
    verdicts = judge_pictures(judge, at_judges_size(drawn))
    accuracy, facts = score(said, verdicts)
    ceiling, _ = score(said, judge_pictures(judge, at_judges_size(pictures)))
    floor, _ = score(said, [*verdicts[1:], verdicts[0]])
    if sheet is not None:
        write_png(sheet, picture_sheet(drawn[:24], columns=8))
    psnr = reconstruction_psnr(model.vae, pictures[:200])
    return Evaluation(
        accuracy, ceiling, floor, facts, psnr, prompts, size, steps, guidance_scale, seconds
    )


def at_judges_size(pictures: Pixels) -> Pixels:
    """Pictures (N, H, W, 3) as the judge was taught to see them: 128 pixels wide and high."""
    if pictures.shape[1:3] == (JUDGE_SIZE, JUDGE_SIZE):
        return pictures
    size = (JUDGE_SIZE, JUDGE_SIZE)
    return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])


def as_markdown(result: Evaluation) -> str:
    """The table that goes into the model card."""
    lines = [
        (
            f"{result.prompts} unseen captions, {result.steps} steps, guidance scale {result.guidance_scale:g}, "
            f"{result.size}x{result.size}, DPM++ 2M; {result.seconds_per_picture:.2f} s a picture, all jobs at once."
        ),
        "",
        "| stated fact | right | bar | judge on true pictures | picture of another caption | facts |",
        "|---|---|---|---|---|---|",
    ]
    for name, bar in BARS.items():
        lines.append(
            f"| {name} | {result.accuracy[name]:.1%} | {bar:.0%} | {result.ceiling[name]:.1%} "
            f"| {result.floor[name]:.1%} | {result.facts[name]} |"
        )
    lines += ["", f"First stage: {result.psnr_db:.2f} dB PSNR on 200 of those scenes (bar 28 dB)."]
    return "\n".join(lines) + "\n"


def load_folder(folder: Path, model: ModelId) -> LoadedModel:
    """Load a diffusers folder as the worker does.

    Raises:
        NotAModel: no family knows it.
        BrokenModel: its files are damaged.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return load_model(describe_folder(folder, model), device)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a model on this machine and print its table."""
    parser = argparse.ArgumentParser(prog="launch.py evaluate", description=__doc__)
    parser.add_argument("model", nargs="?", default="starter/text", help="model id below models/")
    parser.add_argument("--prompts", type=int, default=500)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance-scale", type=float, default=5.0)
    parser.add_argument("--sheet", type=Path, help="also write the first 24 pictures here (PNG)")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder = REPOSITORY / "models" / chosen.model
    if not (folder / "model_index.json").exists():
        parser.error(
            f"there is no diffusers folder {folder}; train one with: python launch.py train starter"
        )
    model = load_folder(folder, ModelId(chosen.model))
    result = evaluate_text_model(
        model,
        load_judge(JUDGE_FILE),
        chosen.prompts,
        chosen.steps,
        chosen.guidance_scale,
        chosen.sheet,
    )
    print(as_markdown(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
