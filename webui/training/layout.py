"""Pictures from boxes: layout-to-image of Rombach et al. 2022, section 4.3.1.

    python launch.py train layout

A small transformer turns boxes (a class and four sides each) into tokens that stand behind those
of the caption; it learns together with the denoiser, which starts as the text model's. A box has
no colour: that is for the caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from webui.engine.layout_encoder import LayoutEncoder, LayoutSettings
from webui.training.command import (
    TrainCommand,
    TrainingRefused,
    is_main,
    load_begun,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, sample, velocity_loss
from webui.training.examples import Examples, Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.loop import LoopSettings, fit
from webui.training.networks import FrozenParts
from webui.training.runs import Pixels
from webui.training.scenes import MAX_BOXES
from webui.training.showcase import paired_sheet, unseen_examples
from webui.training.text_to_image import Draw, drop_captions, thing_weights
from webui.training.world import CLASSES

Boxes = NDArray[np.float32]
"""(B, 16, 5): class id, then left, top, right, bottom in fractions; class -1 where none."""
NO_BOX = -1.0
_DRAW = Draw()
_COLOURS = np.array([entry.rgb for entry in CLASSES], np.uint8)


@dataclass(frozen=True)
class LayoutModelSettings:
    """Everything a layout model depends on beside the text model that it starts from."""

    noise: NoiseSettings = field(default_factory=NoiseSettings)
    loop: LoopSettings = field(default_factory=LoopSettings)
    layers: int = 2
    """Of the encoder of boxes, whose tokens are as wide as the text's."""
    caption_dropout: float = 0.5
    """Share of examples that see an empty caption, so that boxes alone say enough."""
    box_dropout: float = 0.1
    """Share of examples that see no boxes."""
    thing_weight: float = 3.0
    """Extra loss weight of a cell that foreground objects cover wholly."""


RECIPES = {
    "cpu": LayoutModelSettings(
        loop=LoopSettings(peak_learning_rate=5e-4, warmup_steps=100, budget_seconds=20 * 60)
    ),
    "gpu": LayoutModelSettings(
        loop=LoopSettings(
            batch=256, peak_learning_rate=1e-3, warmup_steps=100, budget_seconds=480
        )
    ),
}  # fmt: skip


class LayoutDenoiser(nn.Module):
    """A denoiser and the encoder of its boxes, trained as one."""

    def __init__(self, unet: UNet2DConditionModel, layout: LayoutEncoder) -> None:
        super().__init__()
        self.unet, self.layout = unet, layout

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, boxes: Tensor) -> Tensor:
        """Velocity (B, z, h, w) of noisy latents x, under text tokens (B, 77, D) and boxes."""
        told = torch.cat([tokens, self.layout(boxes)], dim=1)
        velocity: Tensor = self.unet(x, t, told).sample
        return velocity


def build_layout_encoder(width: int, layers: int, size: float) -> LayoutEncoder:
    """A new encoder of tokens of this size (root mean square) at first.

    Half of the text's disturbs the text model for some steps and is heard. A twenty-ninth had grown
    to a seventeenth after 812 steps and was still not heard.
    """
    encoder = LayoutEncoder(LayoutSettings(len(CLASSES), width, layers, boxes=MAX_BOXES))
    nn.init.constant_(encoder.norm.weight, size)
    return encoder


def drop_boxes(boxes: Boxes, share: float, rng: np.random.Generator) -> Boxes:
    """The boxes, those of an example all taken away with this probability."""
    kept = boxes.copy()
    kept[rng.random(len(boxes)) < share] = NO_BOX
    return kept


def boxes_of(examples: Examples) -> Boxes:
    """Boxes (B, 16, 5) of examples.

    Raises:
        TrainingRefused: their source knows no boxes.
    """
    if examples.boxes is None:
        raise TrainingRefused(
            "These pictures have no boxes, and a layout model learns from nothing else; "
            "train it without --data."
        )
    return examples.boxes


def train_layout(
    settings: LayoutModelSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
    encoder: LayoutEncoder | None = None,
) -> LayoutDenoiser:
    """Fine-tune, or go on, in `folder`; returns the averaged denoiser and encoder.

    Args:
        settings: Of the encoder, noise and loop.
        parts: First stage and text encoder.
        source: Of pictures with captions and boxes.
        folder: Of the run.
        start: A text model's denoiser, or that of a layout model to go on with.
        encoder: That model's; None begins with a new one.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    if encoder is None:
        like = float(parts.tokens([""]).square().mean().sqrt())
        width = int(start.config.cross_attention_dim)
        encoder = build_layout_encoder(width, settings.layers, like / 2)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        x0 = parts.latents(examples)  # (B, z, h, w)
        boxes = drop_boxes(boxes_of(examples), settings.box_dropout, rng)
        told = torch.from_numpy(boxes).to(x0.device)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        return velocity_loss(
            lambda x, t: network(x, t, tokens, told),
            x0, settings.noise, thing_weights(examples, settings.thing_weight, x0),
        )  # fmt: skip

    network = LayoutDenoiser(start, encoder)
    return fit(network, loss, settings.loop, folder, settings, lambda n: layout_sheet(n, parts))


@torch.no_grad()
def draw_layouts(
    network: LayoutDenoiser, parts: FrozenParts, texts: list[str], boxes: Boxes, how: Draw = _DRAW
) -> Tensor:
    """Latents (B, z, h, w) of texts and boxes; guidance leads away from an empty text without boxes."""
    tokens = torch.cat([parts.tokens(texts), parts.tokens([""]).expand(len(texts), -1, -1)])
    given = torch.from_numpy(np.array(boxes))
    both = torch.cat([given, torch.full_like(given, NO_BOX)]).to(parts.device)

    def predict(x: Tensor, t: Tensor) -> Tensor:
        told, untold = network(torch.cat([x, x]), torch.cat([t, t]), tokens, both).chunk(2)
        guided: Tensor = untold + how.scale * (told - untold)
        return guided

    config = network.unet.config
    shape = (len(texts), int(config.out_channels), int(config.sample_size), int(config.sample_size))
    return sample(predict, shape, how.steps, how.seed, parts.device)


def box_picture(boxes: Boxes, size: int) -> Pixels:
    """Boxes (16, 5) of one picture as outlines in the colours of their classes, (size, size, 3)."""
    picture = np.full((size, size, 3), 40, np.uint8)
    for kind, *sides in boxes[boxes[:, 0] >= 0]:
        left, top, right, bottom = (round(float(side) * (size - 1)) for side in sides)
        colour = tuple(int(value) for value in _COLOURS[int(kind)])
        cv2.rectangle(picture, (left, top), (right, bottom), colour, max(1, size // 64))
    return picture


@torch.no_grad()
def layout_sheet(network: LayoutDenoiser, parts: FrozenParts, count: int = 16) -> Pixels:
    """Unseen boxes above what is drawn for them, the second half without captions."""
    size = native_size(parts, network.unet)
    examples = unseen_examples(count, size)
    texts = [text if i < count // 2 else "" for i, text in enumerate(examples.captions)]
    drawn = draw_layouts(network, parts, texts, boxes_of(examples))
    asked = np.stack([box_picture(boxes, size) for boxes in boxes_of(examples)])
    return paired_sheet(asked, parts.decode(drawn))


CARD = Card(
    title="Starter layout: pictures from boxes",
    summary="Draws things of the starter's world where boxes say that they shall be. A prompt says "
    "the rest: colours, time of day, ground.",
    limits=f"At most {MAX_BOXES} boxes, of these classes: "
    + ", ".join(entry.name for entry in CLASSES)
    + ". Training saw boxes of sun, moon, clouds and standing things only, never of a ground.",
    tags=("layout-to-image",),
)


def load_encoder(command: TrainCommand) -> LayoutEncoder:
    """The encoder of the finished model in --out.

    Raises:
        TrainingRefused: there is none, or it is damaged.
    """
    folder = command.out / "layout_encoder"
    try:
        return LayoutEncoder.load(folder)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise TrainingRefused(
            f"--go-on trains on what is in --out, but {str(folder)!r} cannot be read as an encoder "
            f"of boxes: {error} Without --go-on the training begins anew."
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    command = parse("layout", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    parts, unet = load_begun(command)
    source = open_source(command, parts, native_size(parts, unet), settings.loop.batch)
    encoder = load_encoder(command) if command.go_on else None
    network = train_layout(settings, parts, source, command.work, unet, encoder)
    if is_main():
        network.layout.save(command.out / "layout_encoder")
        about = Export("layout", classes=tuple(entry.name for entry in CLASSES))
        export_folder(command.out, {"unet": network.unet}, about, command.start)
        write_card(command.out, CARD, command, network)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
