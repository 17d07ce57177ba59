"""Tiny models of all tasks and adapters for them, written and loaded when first asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tests.engine.original import tiny_unclip, write_original
from tests.engine.tiny import TinySizes, write_tiny, write_tiny_control, write_tiny_upscaler
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.work import Pixels

CPU = torch.device("cpu")
CLASSES = ("sky", "sea", "sand")


class Library:
    """A folder of models."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._models: dict[Task, LoadedModel] = {}
        self._controls: dict[str, AdapterInfo] = {}

    def model(self, task: Task) -> LoadedModel:
        """The model of a task."""
        if task not in self._models:
            self._models[task] = load_model(self._written(task), CPU)
        return self._models[task]

    def control(self, name: str = "control", reads: str = "") -> AdapterInfo:
        """A controlnet for the text model."""
        if name not in self._controls:
            checkpoint = self.model("text").checkpoint
            seed = len(self._controls)
            info = write_tiny_control(self._folder / name, checkpoint, seed, reads)
            self._controls[name] = info
        return self._controls[name]

    def _written(self, task: Task) -> CheckpointInfo:
        if task == "upscale":
            return write_tiny_upscaler(self._folder / task)
        if task == "variation":
            return write_original(self._folder / f"{task}.safetensors", tiny_unclip())
        classes = CLASSES if task in ("semantic", "layout") else ()
        return write_tiny(self._folder / task, TinySizes(task=task, classes=classes))


def save_picture(path: Path, width: int = 32, height: int = 32, seed: int = 0) -> Path:
    """Write a smooth random RGB picture."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def save_grey(path: Path, values: Pixels) -> Path:
    """Write a grey picture of these values (H, W)."""
    Image.fromarray(values).save(path)
    return path
