"""Inpainting: the text model, told what lies around a hole (Rombach et al. 2022, section 4.5).

    python launch.py train inpaint

The denoiser is given three things side by side: the noisy latent, the hole, and the latent of the
picture whose hole is grey; the order is Stable Diffusion's. It starts as the text model, the new
inputs at weight zero, so a minute of training already fills holes from their captions.
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
from torch import Tensor, nn

from webui.engine.programs.conditions import hide_masked, mask_plane
from webui.training.command import (
    is_main,
    load_begun,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, velocity_loss
from webui.training.examples import Examples, Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit
from webui.training.networks import ENCODED_AT_ONCE, FrozenParts, widen_input
from webui.training.runs import Pixels, to_uint8
from webui.training.scenes import THING_CLASSES
from webui.training.showcase import paired_sheet, unseen_examples
from webui.training.text_to_image import draw_guided, drop_captions, thing_weights

Mask = NDArray[np.uint8]
"""(H, W) or (B, H, W): 1 where the picture is to be drawn anew, else 0."""


@dataclass(frozen=True)
class MaskSettings:
    """How often each sort of hole is drawn; the shares are normalised."""

    strokes: float = 0.4
    """Thick lines with corners, as of a brush."""
    rectangles: float = 0.2
    objects: float = 0.2
    """Whole things and a margin around them, where the source knows its things; else strokes."""
    surroundings: float = 0.1
    """All but a rectangle: a picture is continued beyond its sides."""
    everything: float = 0.1
    """No pixel is known, as when a text model draws."""


@dataclass(frozen=True)
class InpaintSettings:
    """Everything an inpainting model depends on beside the text model that it starts from."""

    noise: NoiseSettings = field(default_factory=NoiseSettings)
    loop: LoopSettings = field(default_factory=LoopSettings)
    masks: MaskSettings = field(default_factory=MaskSettings)
    caption_dropout: float = 0.1
    """Share of examples that see an empty caption."""
    thing_weight: float = 2.0
    """Extra loss weight of a cell that foreground objects cover wholly."""
    known_weight: float = 0.3
    """Loss weight of a cell outside the hole: there the answer need only be copied."""
    views: int = 1
    """How often a picture with its hole stands in a batch, each time with noise of its own. To encode
    it takes a CPU as long as a training step of one example, and two views halve that."""

    @property
    def distinct(self) -> int:
        """Pictures that are drawn for a batch."""
        return max(1, self.loop.batch // self.views)


DEFAULTS: dict[str, str | int | float] = {"guidance_scale": 2.0}
"""What is around a hole says most of what belongs into it: at 5 what the prompt names is there as surely, and
what is drawn beyond the side of a pixel-art picture differs from the true one by 24 levels in place of 15."""
RECIPES = {
    "cpu": InpaintSettings(
        loop=LoopSettings(peak_learning_rate=5e-4, warmup_steps=100, budget_seconds=20 * 60), views=2
    ),
    "gpu": InpaintSettings(
        loop=LoopSettings(
            batch=128, peak_learning_rate=5e-4, warmup_steps=100, budget_seconds=205
        )
    ),
}  # fmt: skip


def draw_masks(examples: Examples, settings: MaskSettings, rng: np.random.Generator) -> Mask:
    """A hole for each example, (B, H, W), never empty."""
    maps = examples.class_maps
    height, width = examples.pictures.shape[1:3]
    return np.stack(
        [
            draw_mask((height, width), None if maps is None else maps[i], settings, rng)
            for i in range(len(examples.pictures))
        ]
    )


def draw_mask(
    size: tuple[int, int],
    classes: NDArray[np.uint8] | None,
    settings: MaskSettings,
    rng: np.random.Generator,
) -> Mask:
    """One hole of a random sort; `classes` is the picture's class map (H, W), where it is known."""
    shares = np.array(
        [settings.strokes, settings.rectangles, settings.objects,
         settings.surroundings, settings.everything]
    )  # fmt: skip
    sort = int(rng.choice(len(shares), p=shares / shares.sum()))
    if sort == 2 and classes is not None and (mask := _object(classes, rng)).any():
        return mask
    if sort == 1:
        return _rectangles(size, rng)
    if sort == 3:
        return 1 - _rectangles(size, rng)
    return np.ones(size, np.uint8) if sort == 4 else _strokes(size, rng)


def _strokes(size: tuple[int, int], rng: np.random.Generator) -> Mask:
    """One to four lines of one to five bends, 8 to 30 % of the picture's side thick."""
    height, width = size
    mask = np.zeros(size, np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        thick = round(float(rng.uniform(0.08, 0.3)) * min(size))
        points = rng.uniform(0, [width, height], (int(rng.integers(2, 7)), 2)).astype(np.int32)
        points[1:] = points[0] + (points[1:] - points[0]) // 2  # a stroke stays near where it began
        cv2.polylines(mask, [points], False, 1, max(1, thick))
    return mask


def _rectangles(size: tuple[int, int], rng: np.random.Generator) -> Mask:
    """One rectangle or two, each 20 to 70 % of the picture wide and high."""
    mask = np.zeros(size, np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        high, wide = (max(1, round(float(rng.uniform(0.2, 0.7)) * side)) for side in size)
        top, left = int(rng.integers(size[0] - high + 1)), int(rng.integers(size[1] - wide + 1))
        mask[top : top + high, left : left + wide] = 1
    return mask


def _object(classes: NDArray[np.uint8], rng: np.random.Generator) -> Mask:
    """One connected thing and a margin of 2 to 8 % of the side; all 0 where there is no thing."""
    present = [c for c in np.unique(classes) if THING_CLASSES[c]]
    if not present:
        return np.zeros(classes.shape, np.uint8)
    alike = (classes == rng.choice(present)).astype(np.uint8)
    count, pieces = cv2.connectedComponents(alike)
    chosen = (pieces == int(rng.integers(1, count))).astype(np.uint8)
    margin = max(1, round(float(rng.uniform(0.02, 0.08)) * min(classes.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.dilate(chosen, kernel), np.uint8)


@torch.no_grad()
def inpaint_planes(parts: FrozenParts, pictures: Pixels, masks: Mask) -> Tensor:
    """What the denoiser sees beside the noisy latent, (B, 1 + z, h, w).

    The hole, 1 where a cell is drawn anew, then the latent of the picture whose hole is grey.
    """
    parted = range(0, len(pictures), ENCODED_AT_ONCE)
    known = torch.cat(
        [
            parts.encode_pixels(hide_masked(to_model(seen, parts.device), hole))
            for seen, hole in (
                (pictures[i : i + ENCODED_AT_ONCE], masks[i : i + ENCODED_AT_ONCE]) for i in parted
            )
        ]
    )
    factor = pictures.shape[1] // known.shape[2]
    return torch.cat([mask_plane(masks, factor).to(parts.device), known], dim=1)


def train_inpaint(
    settings: InpaintSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
) -> UNet2DConditionModel:
    """Fine-tune, or go on, in `folder`; returns the averaged denoiser.

    Args:
        settings: Of holes, noise and loop.
        parts: First stage and text encoder.
        source: Of pictures with captions; class maps, where it has them, give holes of objects.
        folder: Of the run.
        start: A text model's denoiser; its input is widened in place.
    """
    widen_input(start, 1 + int(parts.vae.config.latent_channels))

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.distinct, rng)
        masks = draw_masks(examples, settings.masks, rng)
        x0 = parts.latents(examples)  # (B, z, h, w), as many as are distinct
        planes = inpaint_planes(parts, examples.pictures, masks)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        weight = settings.known_weight + (1 - settings.known_weight) * planes[:, :1]
        things = thing_weights(examples, settings.thing_weight, x0)
        weight = weight if things is None else weight * things
        # One after the other: timesteps ascend along a batch, so a picture's views are far apart.
        x0, planes, weight = (p.repeat(settings.views, 1, 1, 1) for p in (x0, planes, weight))
        tokens = tokens.repeat(settings.views, 1, 1)
        return velocity_loss(
            lambda x, t: network(torch.cat([x, planes], dim=1), t, tokens).sample,
            x0, settings.noise, weight,
        )  # fmt: skip

    return fit(start, loss, settings.loop, folder, settings, lambda u: inpaint_sheet(u, parts))


@torch.no_grad()
def inpaint_sheet(unet: UNet2DConditionModel, parts: FrozenParts, count: int = 16) -> Pixels:
    """Unseen pictures with holes above what fills them; pixels around a hole are the picture's."""
    examples = unseen_examples(count, native_size(parts, unet))
    masks = draw_masks(examples, MaskSettings(), np.random.default_rng(0))
    planes = inpaint_planes(parts, examples.pictures, masks)
    drawn = parts.decode(draw_guided(unet, parts, list(examples.captions), planes=planes))
    filled = np.where(masks[..., None] > 0, drawn, examples.pictures)
    return paired_sheet(to_uint8(hide_masked(to_model(examples.pictures), masks)), filled)


CARD = Card(
    title="Starter inpainting: parts of a picture drawn anew",
    summary="Fills a hole in a picture of the starter's world with what the prompt says and what "
    "stands around it. It sees the hole and the picture around it beside its noise, so that "
    "colours and outlines go on across the border.",
    limits="One world, as the text model's. A hole that is smaller than eight pixels may be seen "
    "as one cell of eight.",
    tags=("inpainting",),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    command = parse("inpaint", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    parts, unet = load_begun(command)
    source = open_source(command, parts, native_size(parts, unet), settings.distinct)
    unet = train_inpaint(settings, parts, source, command.work, unet)
    if is_main():
        about = Export("inpaint", "StableDiffusionInpaintPipeline", defaults=DEFAULTS)
        export_folder(command.out, {"unet": unet}, about, command.start)
        write_card(command.out, CARD, command, unet)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
