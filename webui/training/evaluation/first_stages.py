"""First stages beside one another: what a factor and a regulariser cost, and what they keep.

`docs/first-stages.json` is a list of `FirstStageRun`s; whoever trains one adds it with `record`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from webui.engine.first_stage import FirstStage, decode_latents, encode_pixels
from webui.training.evaluation.figures import Figure, Table
from webui.training.evaluation.metrics import psnr_db, ssim
from webui.training.first_stage import to_model
from webui.training.judge import Judge, feature_distance
from webui.training.runs import Pixels, to_uint8


@dataclass(frozen=True)
class Fidelity:
    """How much of pictures a first stage keeps."""

    psnr_db: float
    ssim: float
    feature_distance: float
    """In the judge's features; 0 when nothing is lost."""


@dataclass(frozen=True)
class FirstStageRun:
    """A first stage that was trained, what it took and what it keeps."""

    name: str
    f: int
    """Pixels per latent cell along a side."""
    regulariser: str
    """'KL' or 'VQ'."""
    channels: int
    """Of the latent."""
    parameters: int
    seconds: float
    """Trained for."""
    steps: int
    psnr_db: float
    ssim: float
    feature_distance: float
    samples: int
    """Unseen pictures that it was measured on."""
    size: int = 128
    """Side of these pictures in pixels."""
    hardware: str = ""
    """What it was trained on; empty where that is not known."""


@torch.no_grad()
def reconstruct(vae: FirstStage, pictures: Pixels, batch: int = 8) -> Pixels:
    """Pictures (N, H, W, 3) through a KL or VQ first stage and back, by its most likely latents."""
    device, made = next(vae.parameters()).device, []
    for start in range(0, len(pictures), batch):
        x = to_model(pictures[start : start + batch]).to(device)
        made.append(to_uint8(decode_latents(vae, encode_pixels(vae, x))))
    return np.concatenate(made)


def measure_first_stage(vae: FirstStage, pictures: Pixels, judge: Judge) -> Fidelity:
    """How much of uint8 pictures (N, H, W, 3) survives; sides multiples of 16."""
    made = reconstruct(vae, pictures)
    distance = feature_distance(judge, made, pictures)
    return Fidelity(psnr_db(made, pictures), ssim(made, pictures), distance)


def record(run: FirstStageRun, path: Path) -> None:
    """Add a run to the list in `path`, in the place of one of the same name."""
    runs = [kept for kept in load_runs(path) if kept.name != run.name]
    runs = sorted([*runs, run], key=lambda r: (r.f, r.regulariser, r.channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(r) for r in runs], indent=1) + "\n", encoding="utf-8")


def load_runs(path: Path) -> list[FirstStageRun]:
    """The runs in `path`; none where there is no such file.

    Raises:
        ValueError: an entry has other fields than a `FirstStageRun`.
    """
    if not path.exists():
        return []
    try:
        return [FirstStageRun(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except TypeError as error:
        wanted = ", ".join(FirstStageRun.__dataclass_fields__)
        raise ValueError(f"{path}: {error}. Each entry has exactly: {wanted}.") from error


def first_stage_table(runs: Sequence[FirstStageRun]) -> Table:
    """All runs as columns, what they keep and cost as rows."""
    rows: tuple[tuple[str, str, Callable[[FirstStageRun], float]], ...] = (
        ("factor f", "", lambda r: r.f),
        ("channels", "", lambda r: r.channels),
        ("parameters", "M", lambda r: r.parameters),
        ("trained for", "s", lambda r: r.seconds),
        ("steps", "", lambda r: r.steps),
        ("side of the pictures in pixels", "", lambda r: r.size),
        ("PSNR", "dB", lambda r: r.psnr_db),
        ("SSIM", "", lambda r: r.ssim),
        ("feature distance (lower is better)", "", lambda r: r.feature_distance),
    )
    headings = tuple(_heading(run) for run in runs)
    samples = min(run.samples for run in runs)
    figures = (Figure(what, unit, tuple(of(r) for r in runs), samples) for what, unit, of in rows)
    return Table("first stage", headings, tuple(figures))


def _heading(run: FirstStageRun) -> str:
    where = f", on {run.hardware}" if run.hardware else ""
    return f"{run.name} ({run.regulariser}){where}"
