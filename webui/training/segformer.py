"""The starter's segmentation model: a small SegFormer that reads a picture into a first class map.

    python launch.py train segformer

Its folder is transformers' own (Xie et al. 2021), so the studio reads it the way it reads any other, and other programs
read it too. It is shown a fifth of the usual size, so its patches lie two pixels apart instead of four: what it says is as
fine as half the picture that it is shown. It learns from rendered scenes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.segformer.configuration_segformer import SegformerConfig
from transformers.models.segformer.modeling_segformer import SegformerForSemanticSegmentation

from webui.engine.adapters.segmenter import MEAN, SPREAD
from webui.training.command import TrainCommand, is_main, parse, with_budget
from webui.training.export import Card, make_readable, save_part, write_card, write_json
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit
from webui.training.reading import READ_SIZE, lesson_scenes
from webui.training.runs import Pixels
from webui.training.scenes import ScenePool
from webui.training.segmenter import ClassMap, map_loss, map_sheet
from webui.training.world import CLASSES

RARITY = 0.2
"""How far rare classes count more: half of what the measuring segmenter is taught with, for here every pixel is painted on."""


@dataclass(frozen=True)
class SegformerSettings:
    """Everything the segmentation model depends on."""

    hidden_sizes: tuple[int, ...] = (24, 40, 72, 112)
    """Width of each stage; each has half the side of the one before, the first half the picture's."""
    depths: tuple[int, ...] = (1, 1, 2, 2)
    """Blocks of each stage."""
    heads: tuple[int, ...] = (1, 2, 3, 4)
    reductions: tuple[int, ...] = (8, 4, 2, 1)
    """How much coarser keys and values are than queries, each way."""
    mlp_ratios: tuple[int, ...] = (2, 2, 4, 4)
    decoder: int = 64
    """Width at which the stages are put together."""
    loop: LoopSettings = field(
        default_factory=lambda: LoopSettings(
            batch=8, peak_learning_rate=1.5e-3, weight_decay=0.01, warmup_steps=60, seed=6,
            budget_seconds=10 * 60, ema_decay=0.995,
        )
    )  # fmt: skip


RECIPES = {
    "cpu": SegformerSettings(),
    "gpu": SegformerSettings(
        loop=LoopSettings(
            batch=64, peak_learning_rate=3e-3, weight_decay=0.01, warmup_steps=60, seed=6,
            budget_seconds=120,
        )
    ),
}  # fmt: skip

CARD = Card(
    title="Starter segmentation model",
    summary="Reads a picture into a first map of the starter's sixteen classes. It is a SegFormer of transformers.",
    limits=(
        "It has seen scenes that this repository draws and nothing else: of a photograph it says what looks most like them. "
        "Stars, and whatever else is smaller than two of the 128 pixels it is shown, get lost."
    ),
    tags=("image-segmentation", "segformer"),
)


def make_network(settings: SegformerSettings) -> Any:  # transformers' classes are typed loosely
    """A SegFormer without weights, as transformers builds it."""
    names = {index: entry.name for index, entry in enumerate(CLASSES)}
    config = SegformerConfig(
        hidden_sizes=list(settings.hidden_sizes), depths=list(settings.depths),
        num_attention_heads=list(settings.heads), sr_ratios=list(settings.reductions),
        mlp_ratios=list(settings.mlp_ratios), decoder_hidden_size=settings.decoder,
        patch_sizes=[5, 3, 3, 3], strides=[2, 2, 2, 2],
        drop_path_rate=0.0, classifier_dropout_prob=0.0,
        id2label=names, label2id={name: index for index, name in names.items()},
    )  # fmt: skip
    return SegformerForSemanticSegmentation(config)


def said_of(network: Any, pictures: Tensor) -> Tensor:
    """Class logits (B, 16, H, W) of pictures (B, 3, H, W) in [-1, 1]."""
    mean, spread = (pictures.new_tensor(each).view(1, 3, 1, 1) for each in (MEAN, SPREAD))
    logits = network(((pictures + 1) / 2 - mean) / spread).logits
    return F.interpolate(logits.float(), pictures.shape[-2:], mode="bilinear", align_corners=False)


def train_segformer(settings: SegformerSettings, pool: ScenePool, folder: Path) -> Any:
    """Train, or go on training, in `folder`, on rendered scenes and their class maps."""
    # A landscape in a mirror is one too.
    loss = map_loss(pool, settings.loop.batch, said_of, rarity=RARITY, mirrors=True)
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    sheet = map_sheet(pool, read_maps)
    return fit(make_network(settings), loss, settings.loop, folder, settings, sheet)


@torch.no_grad()
def read_maps(network: Any, pictures: Pixels, batch: int = 16) -> ClassMap:
    """Class maps (N, H, W) of uint8 pictures (N, H, W, 3) of the size that it was taught on."""
    device = next(network.parameters()).device
    parts = []
    for first in range(0, len(pictures), batch):
        said = said_of(network, to_model(pictures[first : first + batch], device))
        parts.append(said.argmax(1).to(torch.uint8).cpu())
    return torch.cat(parts).numpy()


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the segmentation model and write its folder beside the starter models."""
    command = parse("segformer", __doc__ or "", arguments, goes_on=False)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    network = train_segformer(settings, lesson_scenes(command), command.work)
    if is_main():
        save_segformer(network, command)
    return 0


def save_segformer(network: Any, command: TrainCommand) -> None:
    """Write the folder: weights in float16, how pictures are shown to it, and its card."""
    save_part(network, command.out)
    shown = {
        "image_processor_type": "SegformerImageProcessor", "do_resize": True,
        "size": {"height": READ_SIZE, "width": READ_SIZE}, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": list(MEAN), "image_std": list(SPREAD),
        "do_reduce_labels": False,
    }  # fmt: skip
    write_json(command.out / "preprocessor_config.json", shown)
    write_card(command.out, CARD, command, network)
    make_readable(command.out)


if __name__ == "__main__":
    raise SystemExit(main())
