"""What the tests of the kinds of training share: a text model, a world and a run in small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from tests.training.parts import SIZE, TINY_LOOP, TINY_UNET, tiny_parts
from webui.training.command import POOL_SCENES
from webui.training.diffusion import NoiseSettings, Predict, velocity_loss
from webui.training.examples import Examples
from webui.training.export import Export, export_folder
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts, build_unet, widen_input
from webui.training.runs import load_checkpoint
from webui.training.scenes import ScenePool, pool_in_memory, scene_pool
from webui.training.semantic import PLANES, TWO_GROUNDS_PART

Network = TypeVar("Network")
Main = Callable[[Sequence[str] | None], int]

LEARNING = replace(TINY_LOOP, peak_learning_rate=5e-3, ema_decay=0.9)
"""So that a tiny network learns in some dozen steps."""


def tiny_unet() -> UNet2DConditionModel:
    """A text denoiser for the tiny parts."""
    torch.manual_seed(0)
    return build_unet(TINY_UNET, latent_channels=8, latent_size=4, text_width=32)


class SameBatch:
    """A source that gives the same examples at every draw."""

    def __init__(self, count: int = 4) -> None:
        self.examples = tiny_pool().take(np.arange(count), np.random.default_rng(0))

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        assert count == len(self.examples.pictures)
        return self.examples


@lru_cache
def tiny_pool() -> ScenePool:
    """A few scenes of the size of the tiny parts, in memory."""
    return pool_in_memory(range(8), SIZE)


@lru_cache
def same_parts() -> FrozenParts:
    """Tiny parts for tests that leave them as they are."""
    torch.manual_seed(0)
    return tiny_parts()


@torch.no_grad()
def fixed_loss(predict: Predict, x0: Tensor) -> float:
    """Loss of a batch under noise that is the same at every call."""
    torch.manual_seed(5)
    losses = [velocity_loss(predict, x0, NoiseSettings(timestep_bias=1.0)) for _ in range(8)]
    return float(torch.stack(losses).mean())


def steps_so_far(folder: Path) -> int:
    """Steps that a run has behind it, by its checkpoint."""
    saved = load_checkpoint(folder / "checkpoint.pt")
    return 0 if saved is None else int(saved["step"])


def check_learns(
    train: Callable[[LoopSettings], Network], loss_of: Callable[[Network], float],
    before: float, folder: Path,
) -> None:  # fmt: skip
    """One start trains, further ones with larger budgets go on from there, until the loss is down."""
    steps, loss = [0], before
    for start in range(6):
        saved = load_checkpoint(folder / "checkpoint.pt") or {"seconds": 0.0}
        seconds = saved["seconds"] + 0.8 * 2**start
        loss = loss_of(train(replace(LEARNING, budget_seconds=seconds)))
        steps.append(steps_so_far(folder))
        assert steps[-1] > steps[-2]
        if start > 0 and loss < 0.85 * before:
            break
    else:
        raise AssertionError(f"The loss was {before} and is {loss} after {steps} steps.")
    assert (folder / "samples.png").exists()


def text_model(folder: Path) -> FrozenParts:
    """A tiny text model, written as the starter's is."""
    parts = tiny_parts()
    networks = {
        "unet": tiny_unet(), "vae": parts.vae,
        "text_encoder": parts.encoder, "tokenizer": parts.tokenizer,
    }  # fmt: skip
    export_folder(folder, networks, Export())
    return parts


def run_main(main: Main, kind: str, tmp_path: Path, *more: str) -> Path:
    """Train a kind for a second as its command does, on a world of few scenes; the model's folder."""
    if not (tmp_path / "models" / "text").exists():
        text_model(tmp_path / "models" / "text")
    if kind == "depth" and not (tmp_path / "models" / "semantic").exists():
        unet = widen_input(tiny_unet(), PLANES)
        export_folder(tmp_path / "models" / "semantic", {"unet": unet}, Export())
    scenes = tmp_path / "runs" / "scenes"
    if not scenes.exists():
        scene_pool(scenes, 8, SIZE, workers=1)
        scene_pool(scenes, 8, SIZE, workers=1, two_grounds=True)
        count = POOL_SCENES["cpu"]
        (scenes / f"{SIZE}-0-8").rename(scenes / f"{SIZE}-0-{count}")
        two = f"{SIZE}-0-{count // TWO_GROUNDS_PART}-two-grounds"
        (scenes / f"{SIZE}-0-8-two-grounds").rename(scenes / two)
    out = tmp_path / "models" / kind
    arguments = [
        "--recipe", "cpu", "--minutes", "0.01", "--work", str(tmp_path / "runs" / kind),
        "--out", str(out), "--from", str(tmp_path / "models" / "text"), *more,
    ]  # fmt: skip
    assert main(arguments) == 0
    return out
