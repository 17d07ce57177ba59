"""The model in the box, from nothing: `python launch.py train starter --recipe cpu|gpu`.

Draws the world, trains the first stage, the text encoder, the denoiser and the judge, measures the
result and writes `models/starter/text/` as an ordinary diffusers folder with its card. Every part
is resumable: the same command goes on where the last one stopped.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import nn

from webui.contracts.ids import ModelId
from webui.training import denoiser, first_stage, text
from webui.training.denoiser import BETA_END, BETA_START, TRAIN_STEPS, Teacher, train_denoiser
from webui.training.evaluate import (
    JUDGE_FILE,
    REPOSITORY,
    Evaluation,
    as_markdown,
    evaluate_text_model,
    load_folder,
)
from webui.training.first_stage import train_first_stage
from webui.training.judge import Judge, JudgeSettings, load_judge, save_judge, train_judge
from webui.training.runs import load_checkpoint
from webui.training.scenes import ScenePool, scene_pool
from webui.training.text import train_text_encoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StarterSettings:
    """A whole run: one recipe for each part."""

    first_stage: first_stage.FirstStageSettings
    text: text.TextSettings
    denoiser: denoiser.DenoiserSettings
    judge: JudgeSettings


def recipe(name: str, budget_seconds: float | None = None) -> StarterSettings:
    """The named recipe, its training times scaled so that they add up to the budget."""
    settings = StarterSettings(
        first_stage.RECIPES[name], text.RECIPES[name], denoiser.RECIPES[name], JudgeSettings()
    )
    if budget_seconds is None:
        return settings
    parts = (settings.first_stage, settings.text, settings.denoiser)
    scale = budget_seconds / sum(part.budget_seconds for part in parts)
    return replace(
        settings,
        first_stage=replace(
            settings.first_stage, budget_seconds=settings.first_stage.budget_seconds * scale
        ),
        text=replace(settings.text, budget_seconds=settings.text.budget_seconds * scale),
        denoiser=replace(
            settings.denoiser, budget_seconds=settings.denoiser.budget_seconds * scale
        ),
    )


def train_starter(
    settings: StarterSettings, work: Path, device: torch.device
) -> tuple[UNet2DConditionModel, Teacher]:
    """All parts, in order, each in its own folder below `work`."""
    vae_folder = work / "vae"
    if not (vae_folder / "config.json").exists():
        train_first_stage(settings.first_stage, work / "first-stage", device).save_pretrained(
            vae_folder
        )
    vae = (
        AutoencoderKL.from_pretrained(vae_folder)
        .eval()
        .to(device, memory_format=torch.channels_last)
    )
    tokenizer, encoder = train_text_encoder(settings.text, work / "text-encoder", device)
    teacher = Teacher(vae, tokenizer, encoder)
    pool = scene_pool(work / "scenes", settings.first_stage.scenes, settings.first_stage.size)
    return train_denoiser(settings.denoiser, teacher, pool, work / "denoiser", device), teacher


def trained_judge(
    settings: JudgeSettings, work: Path, device: torch.device, path: Path = JUDGE_FILE
) -> Judge:
    """The judge in the box, or a newly trained one where there is none."""
    if not path.exists():
        pool: ScenePool = scene_pool(work / "scenes", 40_000, 128)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_judge(train_judge(settings, pool, device), path)
    return load_judge(path)


def export(unet: UNet2DConditionModel, teacher: Teacher, folder: Path) -> None:
    """Write a diffusers folder in float16, as Stable Diffusion's are laid out."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, name in ((unet, "unet"), (teacher.vae, "vae"), (teacher.encoder, "text_encoder")):
        shutil.rmtree(folder / name, ignore_errors=True)
        nn.Module.to(part, torch.float16)
        part.save_pretrained(folder / name, safe_serialization=True)
        nn.Module.to(part, torch.float32)
        _forget_origin(folder / name / "config.json")
    teacher.tokenizer.save_pretrained(folder / "tokenizer")
    DDIMScheduler(
        num_train_timesteps=TRAIN_STEPS, beta_start=BETA_START, beta_end=BETA_END,
        beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1, timestep_spacing="leading",
    ).save_pretrained(folder / "scheduler")  # fmt: skip
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": [None, None],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def _forget_origin(config: Path) -> None:
    """Take out the path that a part was read from: it is this machine's business only."""
    values = json.loads(config.read_text(encoding="utf-8"))
    values.pop("_name_or_path", None)
    config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


CARD = """\
---
license: apache-2.0
tags: [text-to-image, latent-diffusion, easel]
---
# Starter: small illustrated landscapes

Draws little landscapes (sky by time of day, sun, moon, stars, clouds, mountains, meadow, desert, snowfield,
lake, sea, houses, trees, pines, boats, hot air balloons, flowers) from simple English captions, at
{size}x{size}, on two processor cores in a second or two. It was trained from nothing by this repository, on
scenes that this repository draws; no other data and no other weights are in it. It knows nothing else:
a prompt outside of that world gives a landscape.

Made by `python launch.py train starter --recipe {recipe}` on {hardware}.

| part | weights | trained for | what it saw |
|---|---|---|---|
| first stage (KL autoencoder, f = 8, {latent_channels} channels) | {vae_parameters:.1f} M | {vae_seconds:.0f} s, {vae_steps} steps | {scenes} rendered scenes |
| text encoder (CLIP style, {text_layers} layers of {text_hidden}) | {text_parameters:.1f} M | {text_seconds:.0f} s, {text_steps} steps of {text_batch} captions | captions alone |
| denoiser (cross-attention UNet, v-prediction) | {unet_parameters:.1f} M | {unet_seconds:.0f} s, {unet_steps} steps of {unet_batch} | latents of the same scenes |

Training curves and the settings of every part are in the run's folder; the settings are in its checkpoints.

## Measured

`python launch.py evaluate starter/text`, judged by `models/starter/judge.safetensors`, a classifier trained
on rendered scenes only (its own accuracy on unseen scenes is in the table):

{table}
## Limits

One world, one style, at most three groups of things, simple wording. Colours and sides are right as often as
the table says, counts were not measured for this edition. Licence: Apache-2.0, as the repository.
"""


def card(
    settings: StarterSettings,
    name: str,
    work: Path,
    unet: UNet2DConditionModel,
    teacher: Teacher,
    result: Evaluation,
) -> str:
    """The model card, with the run's measured seconds and steps."""
    runs = {
        p: load_checkpoint(work / p / "checkpoint.pt") or {}
        for p in ("first-stage", "text-encoder", "denoiser")
    }

    def millions(module: torch.nn.Module) -> float:
        return sum(p.numel() for p in module.parameters()) / 1e6

    return CARD.format(
        recipe=name,
        size=settings.first_stage.size,
        scenes=settings.first_stage.scenes,
        hardware=hardware(),
        latent_channels=settings.first_stage.latent_channels,
        vae_parameters=millions(teacher.vae),
        vae_seconds=runs["first-stage"]["seconds"],
        vae_steps=runs["first-stage"]["step"],
        text_layers=settings.text.layers,
        text_hidden=settings.text.hidden,
        text_batch=settings.text.batch,
        text_parameters=millions(teacher.encoder),
        text_seconds=runs["text-encoder"]["seconds"],
        text_steps=runs["text-encoder"]["step"],
        unet_parameters=millions(unet),
        unet_seconds=runs["denoiser"]["seconds"],
        unet_steps=runs["denoiser"]["step"],
        unet_batch=settings.denoiser.batch,
        table=as_markdown(result),
    )


def hardware() -> str:
    """What this machine is, in words."""
    if torch.cuda.is_available():
        return f"one {torch.cuda.get_device_name()}"
    return f"{torch.get_num_threads()} processor cores ({platform.machine()}), no GPU, other work beside"


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure and export."""
    parser = argparse.ArgumentParser(prog="launch.py train starter", description=__doc__)
    parser.add_argument(
        "--recipe", choices=("cpu", "gpu"), default="gpu" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=REPOSITORY / "outputs" / "training" / "starter",
        help="checkpoints, curves and samples of the run",
    )
    parser.add_argument(
        "--minutes", type=float, help="wall-clock training budget of all parts together"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=REPOSITORY / "models" / "starter" / "text",
        help="where the finished model goes",
    )
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = recipe(chosen.recipe, None if chosen.minutes is None else chosen.minutes * 60)
    unet, teacher = train_starter(settings, chosen.work, device)
    unet, encoder = unet.cpu(), teacher.encoder.cpu()
    teacher = Teacher(teacher.vae.cpu(), teacher.tokenizer, encoder)
    export(unet, teacher, chosen.folder)
    judge = trained_judge(settings.judge, chosen.work, device).cpu()
    model = load_folder(chosen.folder, ModelId("starter/text"))
    result = evaluate_text_model(model, judge, sheet=chosen.folder / "samples.png")
    (chosen.folder / "README.md").write_text(
        card(settings, chosen.recipe, chosen.work, unet, teacher, result)
    )
    log.info("%s", as_markdown(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
