"""What the two networks that read pictures share: how their lessons are spoiled, and their files.

Both learn from rendered scenes only, and both must read generated pictures, which are softer and
noisier. So every lesson is spoiled a little, as a photograph is that went through many hands.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from webui.training.command import TrainCommand, TrainingRefused, scenes_of
from webui.training.degradations import add_noise, blur, through_jpeg
from webui.training.first_stage import to_model
from webui.training.runs import Pixels
from webui.training.scenes import ScenePool, scene_pool
from webui.training.world import sample_scene

READ_SIZE = 128
"""Side in pixels of the pictures that the judge and the segmenter are taught on."""


def spoil(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur, noise and JPEG, each for about half the pictures and mildly; uint8 (H, W, 3)."""
    if rng.random() < 0.5:
        picture = blur(picture, rng, (0.3, 1.2))
    if rng.random() < 0.5:
        picture = add_noise(picture, rng, 10.0)
    if rng.random() < 0.5:
        picture = through_jpeg(picture, rng, (35, 95))
    return picture


def lesson_scenes(command: TrainCommand) -> ScenePool:
    """The rendered scenes that a reader learns from; drawn once for all trainings beside one another.

    Raises:
        TrainingRefused: the order names pictures of the user's, of which nobody knows the truth.
    """
    if command.data is not None:
        raise TrainingRefused(
            f"--data is {str(command.data)!r}; the {command.kind} learns from rendered scenes only, "
            "because their truth is known. Leave --data out."
        )
    count = command.scenes or scenes_of(command.recipe, READ_SIZE)
    return scene_pool(command.work.parent / "scenes", count, READ_SIZE, command.first_scene)


class EvenStyles:
    """Draws scenes of a pool so that rare styles are seen as often as common ones."""

    def __init__(self, pool: ScenePool) -> None:
        styles = np.array([sample_scene(pool.first_seed + i).style for i in range(len(pool))])
        self._alike = [np.flatnonzero(styles == style) for style in np.unique(styles)]

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Indices of `count` scenes, each of a random style."""
        styles = rng.integers(len(self._alike), size=count)
        return np.array([rng.choice(self._alike[style]) for style in styles])


def spoiled_batch(pictures: Pixels, rng: np.random.Generator, device: torch.device) -> Tensor:
    """Spoiled pictures (B, H, W, 3) as a network takes them, (B, 3, H, W) in [-1, 1]."""
    spoiled = np.stack([spoil(picture, rng) for picture in pictures])
    return to_model(spoiled).to(device, memory_format=torch.channels_last)


def at_read_size(pictures: Pixels) -> Pixels:
    """Pictures (N, H, W, 3) as the readers were taught to see them: 128 pixels wide and high."""
    size = (READ_SIZE, READ_SIZE)
    if pictures.shape[1:3] == size:
        return pictures
    return np.stack([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures])


def block(inward: int, outward: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution, normalised over the batch, with SiLU."""
    convolution = nn.Conv2d(inward, outward, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outward), nn.SiLU())


def save_reader(network: nn.Module, settings: Any, path: Path) -> None:
    """Write weights as float16 safetensors; the settings dataclass goes into its header."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    save_file(weights, partial, metadata={"settings": json.dumps(asdict(settings))})
    partial.chmod(
        partial.stat().st_mode | 0o444
    )  # safetensors files are written for their owner alone
    partial.replace(path)  # an older one may be in use


def reader_settings(path: Path) -> dict[str, Any]:
    """The settings that `save_reader` put into a file.

    Raises:
        ValueError: the file is of an older edition and has none.
    """
    with safe_open(path, framework="pt") as file:
        kept = (file.metadata() or {}).get("settings")
    if kept is None:
        raise _older(path)
    settings: dict[str, Any] = json.loads(kept)
    return settings


def load_weights(network: nn.Module, path: Path) -> None:
    """Read what `save_reader` wrote into a network of the same settings, ready to read.

    Raises:
        ValueError: the file is of an older edition, whose network had other layers.
    """
    weights = load_file(path)
    try:
        network.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
        )
    except RuntimeError as error:
        raise _older(path) from error
    network.eval()


def _older(path: Path) -> ValueError:
    return ValueError(
        f"{str(path)!r} is of an older edition, whose network was another one. Make it anew with: "
        f"python launch.py train {path.stem}"
    )
