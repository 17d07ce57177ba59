"""A trained model as a diffusers folder: weights in float16, plain JSON, and a card.

Parts that several models share are written once: a folder names them in its `easel.json` by a
relative path. Other programs load such a folder too, when they are handed the shared parts.
"""

from __future__ import annotations

import copy
import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DDIMScheduler, LCMScheduler
from PIL import Image
from torch import nn

from webui.training.command import TrainCommand
from webui.training.diffusion import BETA_END, BETA_START, TRAIN_STEPS
from webui.training.loop import CHECKPOINT
from webui.training.runs import load_checkpoint

TEXT_PARTS = {
    "vae": ("diffusers", "AutoencoderKL"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
}
"""Parts that models share with the text model, as an index names them."""
_NONE = (None, None)
_WITHOUT: Mapping[str, Mapping[str, Any]] = {
    "StableDiffusionPipeline": {
        "safety_checker": _NONE, "feature_extractor": _NONE, "requires_safety_checker": False,
    },
    "StableDiffusionInpaintPipeline": {
        "safety_checker": _NONE, "feature_extractor": _NONE, "requires_safety_checker": False,
    },
    "StableDiffusionDepth2ImgPipeline": {"depth_estimator": _NONE, "feature_extractor": _NONE},
}  # fmt: skip
"""What an index says of parts that a pipeline of diffusers could have and ours have not."""
TABLE_BEGINS, TABLE_ENDS = "<!-- measured -->", "<!-- end of measured -->"


@dataclass(frozen=True)
class Export:
    """What a model's folder says beside its weights."""

    task: str = "text"
    """As in `contracts/checkpoint.py`."""
    pipeline: str = "StableDiffusionPipeline"
    """The pipeline of diffusers that the index names."""
    shared: tuple[str, ...] = tuple(TEXT_PARTS)
    """Parts that are the text model's own."""
    classes: tuple[str, ...] = ()
    """Names that a class map's values or a box's class stand for, by index."""
    defaults: Mapping[str, str | int | float] = field(default_factory=dict)
    """Fields of a request that suit the model."""
    few_steps: bool = False
    """Whether it is a consistency model, which other programs need a scheduler of its own for."""


@dataclass(frozen=True)
class Card:
    """The words of a model's card; its figures come from the run."""

    title: str
    summary: str
    """What it does; the catalog shows the first sentence."""
    limits: str
    tags: tuple[str, ...] = ()


def export_folder(
    folder: Path, networks: Mapping[str, Any], about: Export, start: Path | None = None
) -> None:
    """Write a model's folder; each part replaces an older one whole.

    Args:
        folder: Made where it is missing.
        networks: Part name to network or tokenizer, of diffusers or transformers.
        about: Everything else.
        start: The text model that the shared parts are of. Where it is not a neighbour of
            `folder`, its parts are copied: a model stands in one place with all that it needs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, Any] = {
        "_class_name": about.pipeline,
        "_diffusers_version": diffusers.__version__,
    }
    for name, network in networks.items():
        save_part(network, folder / name)
        index[name] = (type(network).__module__.partition(".")[0], type(network).__name__)
    shared = {} if start is None else _share(folder, about.shared, start)
    index |= {name: TEXT_PARTS[name] for name in about.shared if start is not None}
    scheduler = make_scheduler(about.few_steps)
    save_part(scheduler, folder / "scheduler")
    index["scheduler"] = ("diffusers", type(scheduler).__name__)
    write_json(folder / "model_index.json", index | dict(_WITHOUT.get(about.pipeline, {})))
    (folder / "easel.json").unlink(missing_ok=True)
    if (words := _own_words(about, shared)) != {"task": "text"}:  # an ordinary folder needs none
        write_json(folder / "easel.json", words)
    make_readable(folder)


def _share(folder: Path, names: tuple[str, ...], start: Path) -> dict[str, str]:
    """Relative paths of a neighbour's parts; those of a model elsewhere are copied instead."""
    if start.resolve() == folder.resolve():  # a model trained on in its place has them already
        return {}
    if start.resolve().parent != folder.resolve().parent:
        for name in names:
            _replace(folder / name, lambda to, part=start / name: shutil.copytree(part, to))
        return {}
    for name in names:
        shutil.rmtree(folder / name, ignore_errors=True)
    return {name: Path(os.path.relpath(start / name, folder)).as_posix() for name in names}


def _own_words(about: Export, shared: Mapping[str, str]) -> dict[str, Any]:
    words: dict[str, Any] = {"task": about.task}
    if shared:
        words["shared"] = dict(shared)
    if about.classes:
        words["classes"] = list(about.classes)
    if about.defaults:
        words["defaults"] = dict(about.defaults)
    return words


def make_scheduler(few_steps: bool = False) -> Any:
    """The noise schedule of all our models, as diffusers writes it down."""
    schedule: dict[str, Any] = {
        "num_train_timesteps": TRAIN_STEPS, "beta_start": BETA_START, "beta_end": BETA_END,
        "beta_schedule": "scaled_linear", "prediction_type": "v_prediction", "clip_sample": False,
        "set_alpha_to_one": False, "timestep_spacing": "trailing",
        "rescale_betas_zero_snr": True,
    }  # fmt: skip
    if few_steps:
        return LCMScheduler(**schedule, original_inference_steps=50)
    return DDIMScheduler(**schedule, steps_offset=1)


def save_part(part: Any, folder: Path) -> None:
    """Write a network (in float16), tokenizer or scheduler; replaces an older one whole."""
    if isinstance(part, nn.Module):
        part = nn.Module.to(copy.deepcopy(part), "cpu", torch.float16)

    def save(to: Path) -> None:
        part.save_pretrained(to)
        config = to / "config.json"
        if config.exists():  # the path that it was read from is this machine's business only
            values = json.loads(config.read_text("utf-8"))
            values.pop("_name_or_path", None)
            write_json(config, values)

    _replace(folder, save)


def _replace(folder: Path, write: Any) -> None:
    """Let `write` fill a new folder, which then takes the place of an older one."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    write(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Write an object as indented JSON."""
    file.write_text(json.dumps(values, indent=2) + "\n", "utf-8")


def make_readable(folder: Path) -> None:
    """Let everybody read a folder: safetensors files are written for their owner alone."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def hardware() -> str:
    """What this machine is, in words."""
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return f"{count if count > 1 else 'one'} {torch.cuda.get_device_name()}"
    threads = torch.get_num_threads()
    return f"{threads} processor core{'s' if threads > 1 else ''} ({platform.machine()}), no GPU"


_CARD = """\
---
license: {licence}
tags: [{tags}]
---
# {title}

{summary}

{origin}

## Made by

| command | on | weights | trained for | steps | examples a step | peak memory of the process |
|---|---|---|---|---|---|---|
{runs}

The settings of a run are in its checkpoint, its curves beside it.

## Measured

{begins}
Not measured yet: `python launch.py evaluate {name}`.
{ends}

## Limits

{limits}

{licence_words}
"""
_RUN = "| `{command}` | {hardware} | {millions:.1f} M | {seconds:.0f} s | {steps} | {batch} | {memory:.1f} GB |"
_RUN_BEGINS = "| `python launch.py train"
_OWN = "It was trained by this repository, on scenes that this repository draws; no other data is in it."
_USERS = "It was trained on pictures of its maker's own."


def write_card(
    folder: Path,
    card: Card,
    command: TrainCommand,
    network: nn.Module,
    earlier: Sequence[str] | None = None,
) -> None:
    """Write `README.md` of a model that was just trained, and show its samples beside it.

    A training that went on with the model adds to the runs that its card tells of already.

    Args:
        folder: The model's.
        card: The words.
        command: How it was trained; its run's checkpoint has the figures.
        network: What was trained.
        earlier: Rows of the runs before this one; None takes those that the card tells of already
            where --go-on was given, else none.
    """
    before = earlier
    if before is None:
        before = told_runs(folder) if command.go_on else ()
    run = load_checkpoint(command.work / CHECKPOINT) or {}
    own = command.data is None
    this_run = _RUN.format(
        command=command.words,
        hardware=hardware(),
        millions=sum(p.numel() for p in network.parameters() if p.requires_grad) / 1e6,
        seconds=run.get("seconds", 0.0),
        steps=run.get("step", 0),
        batch=run.get("settings", {}).get("loop", {}).get("batch", 0),
        memory=peak_memory(),
    )
    text = _CARD.format(
        licence="apache-2.0" if own else "other",
        tags=", ".join((*card.tags, "latent-diffusion", "easel")),
        title=card.title,
        summary=card.summary,
        origin=_OWN if own else _USERS,
        runs="\n".join([*before, this_run]),
        name=f"{folder.resolve().parent.name}/{folder.name}",
        limits=card.limits,
        licence_words="Licence: Apache-2.0, as the repository." if own else "",
        begins=TABLE_BEGINS,
        ends=TABLE_ENDS,
    )
    (folder / "README.md").write_text(text.rstrip() + "\n", "utf-8")
    if (samples := command.work / "samples.png").exists():
        with Image.open(samples) as sheet:  # a tenth of the bytes, for a look
            sheet.save(folder / "samples.webp", quality=88, method=6)
    make_readable(folder)


def told_runs(folder: Path) -> list[str]:
    """The rows of the runs that a model's card tells of; none where there is no card."""
    card = folder / "README.md"
    lines = card.read_text("utf-8").splitlines() if card.exists() else []
    return [line for line in lines if line.startswith(_RUN_BEGINS)]


def measured_part(card: Path) -> str | None:
    """What a card says was measured; None without a card, or one with no place for it."""
    said = card.read_text("utf-8") if card.exists() else ""
    _, begins, rest = said.partition(TABLE_BEGINS)
    table, ends, _ = rest.partition(TABLE_ENDS)
    return table.strip() if begins and ends else None


def write_table(folder: Path, table: str) -> None:
    """Put what an evaluation measured into a model's card, in the place of what stood there.

    Raises:
        ValueError: the card has no place for it.
    """
    card = folder / "README.md"
    before, begins, rest = card.read_text("utf-8").partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not (begins and ends):
        raise ValueError(
            f"{str(card)!r} has no lines {TABLE_BEGINS!r} and {TABLE_ENDS!r} to put a table between."
        )
    card.write_text(f"{before}{begins}\n{table.strip()}\n{ends}{after}", "utf-8")


def peak_memory() -> float:
    """Most memory that this process had so far, GB: of the GPU where there is one."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated() / 1e9)
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e9 if platform.system() == "Darwin" else used * 1024 / 1e9
