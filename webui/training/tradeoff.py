"""The paper's compression trade-off, in small: `python launch.py train first-stages`.

Three cheap KL autoencoders that differ in their factor alone (paper, section 4.1 and figure 6) are
trained for the same time and measured on unseen scenes, beside the two that the starter models
use. Nothing of them is shipped but the figures, in `docs/first-stages.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, VQModel

from webui.training.command import REPOSITORY, STARTER, TrainCommand, parse, run_device
from webui.training.evaluation.first_stages import (
    FirstStageRun,
    load_runs,
    measure_first_stage,
    record,
)
from webui.training.export import hardware
from webui.training.first_stage import RECIPES, FirstStageSettings, train_first_stage
from webui.training.judge import Judge, load_judge
from webui.training.loop import CHECKPOINT
from webui.training.runs import load_checkpoint
from webui.training.scenes import UNSEEN_SEEDS, scene_pool

FIGURES = REPOSITORY / "docs" / "first-stages.json"
SAMPLES, SIZE = 200, 128
"""Unseen scenes, and their side in pixels."""
CHEAP_SECONDS = 240.0

LEVELS: Mapping[int, tuple[tuple[int, ...], int]] = {
    4: ((24, 48, 96), 3),
    8: ((24, 48, 96, 128), 4),
    16: ((24, 48, 96, 128, 128), 8),
}
"""Factor to the width of each level, and latent channels: those of the paper's kl-f4, f8 and f16."""


def cheap_settings(factor: int, base: FirstStageSettings, seconds: float) -> FirstStageSettings:
    """A short run of this factor, on crops nearly throughout, without a discriminator."""
    channels, latent = LEVELS[factor]
    return replace(
        base, channels=channels, latent_channels=latent, budget_seconds=seconds, full_from=0.85,
        discriminator_from=2.0,
    )  # fmt: skip


def measured(
    name: str, vae: AutoencoderKL | VQModel, run: Path, judge: Judge, scenes: Path
) -> FirstStageRun:
    """What a first stage keeps of unseen scenes and took to train, by the checkpoint in `run`."""
    size = SIZE if isinstance(vae, VQModel) else max(SIZE, int(vae.config.sample_size))
    pictures = scene_pool(scenes, SAMPLES, size, UNSEEN_SEEDS).pictures
    kept = measure_first_stage(vae, pictures, judge)
    took = load_checkpoint(run / CHECKPOINT) or {}
    return FirstStageRun(
        name=name,
        f=2 ** (len(vae.config.block_out_channels) - 1),
        regulariser="VQ" if isinstance(vae, VQModel) else "KL",
        channels=int(vae.config.latent_channels),
        parameters=sum(p.numel() for p in vae.parameters()),
        seconds=float(took.get("seconds", 0.0)),
        steps=int(took.get("step", 0)),
        psnr_db=kept.psnr_db,
        ssim=kept.ssim,
        feature_distance=kept.feature_distance,
        samples=SAMPLES,
        size=size,
        hardware=hardware() if took else "",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the cheap ones, measure all, and write the figures."""
    command = parse("first-stages", __doc__ or "", arguments, out=FIGURES, goes_on=False)
    judge = load_judge(STARTER / "judge.safetensors").to(run_device())
    seconds = CHEAP_SECONDS if command.minutes is None else command.minutes * 60 / len(LEVELS)
    for factor in LEVELS:
        compare(factor, command, judge, seconds)
    for shipped in SHIPPED:
        measure_shipped(shipped, command, judge)
    return 0


@dataclass(frozen=True)
class Shipped:
    """A first stage in the box."""

    name: str
    folder: Path
    kind: type[AutoencoderKL | VQModel]
    run: str
    """Folder of its training beside ours."""


SHIPPED = (
    Shipped("starter", STARTER / "text" / "vae", AutoencoderKL, "first-stage"),
    Shipped("upscaler's", STARTER / "upscale" / "vqvae", VQModel, "vq-first-stage"),
)


def measure_shipped(shipped: Shipped, command: TrainCommand, judge: Judge) -> None:
    """Record what a first stage in the box keeps; what it took stays as it was written down."""
    if not (shipped.folder / "config.json").exists():
        return
    loaded = shipped.kind.from_pretrained(shipped.folder, torch_dtype=torch.float32)
    beside = command.work.parent
    run = measured(
        shipped.name, loaded.to(run_device()).eval(), beside / shipped.run, judge, beside / "scenes"
    )
    before = [kept for kept in load_runs(command.out) if kept.name == run.name]
    if run.steps == 0 and before:  # trained elsewhere: its run's folder is not here
        took = before[0]
        run = replace(run, seconds=took.seconds, steps=took.steps, hardware=took.hardware)
    record(run, command.out)


def compare(factor: int, command: TrainCommand, judge: Judge, seconds: float) -> None:
    """Train a cheap first stage of this factor, or go on, and record it."""
    folder = command.work.parent / f"first-stage-f{factor}"
    settings = cheap_settings(factor, RECIPES[command.recipe], seconds)
    vae = train_first_stage(settings, folder, run_device())
    with torch.inference_mode():
        run = measured(f"kl-f{factor}, cheap", vae, folder, judge, command.work.parent / "scenes")
    record(run, command.out)


if __name__ == "__main__":
    raise SystemExit(main())
