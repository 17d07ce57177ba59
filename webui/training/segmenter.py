"""The segmenter: a small U-shaped network that says of each pixel which class it shows.

Learned from rendered scenes only, it measures what a class map, boxes or a depth map ask for. Its
own mean IoU on unseen rendered scenes is always stated beside what it measures.

    python launch.py train segmenter
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from webui.training.command import STARTER, is_main, parse, with_budget
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit
from webui.training.reading import (
    EvenStyles,
    at_read_size,
    block,
    lesson_scenes,
    load_weights,
    reader_settings,
    save_reader,
    spoiled_batch,
)
from webui.training.runs import Pixels, picture_sheet
from webui.training.scenes import ScenePool
from webui.training.world import CLASSES

ClassMap = NDArray[np.uint8]
"""Class ids, (H, W) or (N, H, W)."""

_RGB = np.array([entry.rgb for entry in CLASSES], np.uint8)


@dataclass(frozen=True)
class SegmenterSettings:
    """Everything the segmenter depends on."""

    channels: tuple[int, ...] = (24, 48, 96, 128)
    """Width of each level; the first has half the picture's side, each further one half of that."""
    last: int = 40
    """Width before the answer, which says sixteen classes of four pixels at each place."""
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            batch=16, peak_learning_rate=2e-3, weight_decay=0.01, warmup_steps=50, seed=5,
            budget_seconds=7.5 * 60,
        )
    )  # fmt: skip


class Segmenter(nn.Module):
    """A U-Net (Ronneberger et al. 2015) whose first and last level are folded into channels.

    A 2x2 patch of the picture is one cell of twelve channels: full-size convolutions, which would
    cost more than all others together, are saved, and no pixel is lost.
    """

    def __init__(self, settings: SegmenterSettings) -> None:
        super().__init__()
        first, *deeper = settings.channels
        self.enter = nn.Sequential(block(12, first), block(first, first))
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        width = first
        for following in deeper:
            down.append(nn.Sequential(block(width, following, 2), block(following, following)))
            up.append(block(width + following, width if up else settings.last))
            width = following
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(reversed(up))
        self.leave = nn.Conv2d(settings.last, 4 * len(CLASSES), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [-1, 1] to class logits (B, 16, H, W); sides multiples of 16."""
        x = self.enter(F.pixel_unshuffle(pictures, 2))
        kept: list[Tensor] = []
        for down in self.down:
            kept.append(x)
            x = down(x)
        for up in self.up:
            x = up(torch.cat([kept.pop(), F.interpolate(x, scale_factor=2.0)], dim=1))
        return F.pixel_shuffle(self.leave(x), 2)


def class_weights(maps: ClassMap, power: float = 0.4) -> Tensor:
    """Loss weight of each class (16,): stars and suns count more a pixel than sky, mean 1."""
    counts = np.bincount(np.asarray(maps).ravel(), minlength=len(CLASSES)) + 1.0
    weights = counts**-power
    return torch.from_numpy(weights / weights.mean()).float()


Net = TypeVar("Net", bound=nn.Module)


# Any: a network of any kind; what it says is asked of `says`.
def map_loss(
    pool: ScenePool, batch: int, says: Callable[[Any, Tensor], Tensor], *, rarity: float = 0.4, mirrors: bool = False
) -> Callable[[nn.Module, np.random.Generator], Tensor]:  # fmt: skip
    """What a network is told that reads spoiled pictures of scenes, of each style as often, into class maps.

    Args:
        pool: The scenes.
        batch: How many at once.
        says: Class logits (B, 16, H, W) of pictures (B, 3, H, W) in [-1, 1].
        rarity: How far rare classes count more, as `class_weights` takes it.
        mirrors: Whether every other lesson is seen in a mirror, on average.
    """
    weights, even = class_weights(pool.class_maps[:500], rarity), EvenStyles(pool)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        chosen = even.draw(batch, rng)
        device = next(network.parameters()).device
        step = -1 if mirrors and rng.random() < 0.5 else 1
        right = torch.from_numpy(pool.class_maps[chosen][:, :, ::step].copy()).long().to(device)
        said = says(network, spoiled_batch(pool.pictures[chosen][:, :, ::step], rng, device))
        return F.cross_entropy(said.float(), right, weights.to(device))

    return loss


def map_sheet(pool: ScenePool, read: Callable[[Net, Pixels], ClassMap]) -> Callable[[Net], Pixels]:
    """Pictures, what a network reads in them, and the truth, in three rows."""

    def sheet(network: Net) -> Pixels:
        pictures, learning = np.asarray(pool.pictures[:8]), network.training
        maps = read(network.eval(), pictures)
        network.train(learning)
        rows = (pictures, colour_map(maps), colour_map(np.asarray(pool.class_maps[:8])))
        return picture_sheet(np.concatenate(rows), columns=len(pictures))

    return sheet


def train_segmenter(settings: SegmenterSettings, pool: ScenePool, folder: Path) -> Segmenter:
    """Train, or go on training, in `folder`, on rendered scenes and their class maps."""

    def says(network: Segmenter, pictures: Tensor) -> Tensor:
        said: Tensor = network(pictures)
        return said

    loss = map_loss(pool, settings.loop.batch, says)
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    sheet = map_sheet(pool, segment)
    return fit(Segmenter(settings), loss, settings.loop, folder, settings, sheet)


RECIPES = {
    "cpu": SegmenterSettings(),
    "gpu": SegmenterSettings(
        loop=LoopSettings(
            batch=128, peak_learning_rate=3e-3, weight_decay=0.01, warmup_steps=50, seed=5,
            budget_seconds=120,
        )
    ),
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the segmenter and write it beside the starter models."""
    command = parse(
        "segmenter", __doc__, arguments, STARTER / "segmenter.safetensors", goes_on=False
    )
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    segmenter = train_segmenter(settings, lesson_scenes(command), command.work)
    if is_main():
        save_segmenter(segmenter, settings, command.out)
    return 0


@torch.no_grad()
def segment(segmenter: Segmenter, pictures: Pixels, batch: int = 32) -> ClassMap:
    """Class maps (N, 128, 128) of uint8 pictures (N, H, W, 3) of any size."""
    device = next(segmenter.parameters()).device
    pictures = at_read_size(pictures)
    read = [
        segmenter(to_model(pictures[i : i + batch]).to(device)).argmax(1).to(torch.uint8).cpu()
        for i in range(0, len(pictures), batch)
    ]
    return torch.cat(read).numpy()


def colour_map(maps: ClassMap) -> Pixels:
    """Class ids of any shape as colours, (..., 3)."""
    colours: Pixels = _RGB[maps]
    return colours


def save_segmenter(segmenter: Segmenter, settings: SegmenterSettings, path: Path) -> None:
    """Write the segmenter's weights as float16 safetensors."""
    save_reader(segmenter, settings, path)


def load_segmenter(path: Path) -> Segmenter:
    """Read a segmenter that `save_segmenter` wrote.

    Raises:
        ValueError: the file is of an older edition.
    """
    kept = reader_settings(path)
    settings = SegmenterSettings(
        channels=tuple(kept["channels"]), last=kept.get("last", SegmenterSettings.last)
    )
    segmenter = Segmenter(settings)
    load_weights(segmenter, path)
    return segmenter


if __name__ == "__main__":
    raise SystemExit(main())
