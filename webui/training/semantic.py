"""Pictures from class maps: which class where, and a prompt if one likes (paper, section 4.3.2).

    python launch.py train semantic

The map stands beside the noisy latent as 64 planes, shares of the sixteen classes in the quarters
of each cell, so it says where edges run within a cell. Half of the captions are empty: the map
says nearly everything, and colours and the time of day are the model's choice then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from webui.engine.programs.conditions import class_planes
from webui.training.command import (
    TrainCommand,
    TrainingRefused,
    is_main,
    load_begun,
    native_size,
    open_source,
    parse,
    scenes_of,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, velocity_loss
from webui.training.examples import Examples, Mixed, Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.loop import LoopSettings, fit
from webui.training.networks import FrozenParts, UNetSettings, build_unet, widen_input
from webui.training.runs import Pixels
from webui.training.scenes import scene_pool
from webui.training.showcase import paired_sheet, unseen_examples
from webui.training.text_to_image import Draw, draw_guided, drop_captions, thing_weights
from webui.training.world import CLASSES

_COLOURS = np.array([entry.rgb for entry in CLASSES], np.uint8)
PLANES = 4 * len(CLASSES)
TWO_GROUNDS_PART = 5
"""One scene with two grounds is drawn for so many others."""
GUIDANCE = 2.0
"""The map already says what is where; more would only drive colours to extremes."""


@dataclass(frozen=True)
class SemanticSettings:
    """Everything a semantic model depends on beside its first stage and its text encoder."""

    unet: UNetSettings | None = None
    """A denoiser made anew; None starts from the text model's."""
    noise: NoiseSettings = field(
        default_factory=lambda: NoiseSettings(timestep_bias=1.0, min_snr_gamma=5.0)
    )
    loop: LoopSettings = field(default_factory=LoopSettings)
    caption_dropout: float = 0.5
    """Share of examples that see an empty caption."""
    thing_weight: float = 1.0
    """Extra loss weight of a cell that foreground objects cover wholly."""
    two_grounds: float = 0.2
    """Share of batches whose scenes have two grounds side by side, as people paint them."""


RECIPES = {
    "cpu": SemanticSettings(
        unet=UNetSettings((64, 80, 112), (False, True, True)),
        loop=LoopSettings(peak_learning_rate=1e-3, budget_seconds=20 * 60),
    ),
    "gpu": SemanticSettings(
        loop=LoopSettings(
            batch=128, peak_learning_rate=5e-4, warmup_steps=100, budget_seconds=190
        )
    ),
}  # fmt: skip


def planes_of(examples: Examples, device: torch.device) -> Tensor:
    """Class planes (B, 64, h, w) of examples.

    Raises:
        TrainingRefused: their source knows no class maps.
    """
    if examples.class_maps is None:
        raise TrainingRefused(
            "These pictures have no class maps, and a semantic model learns from nothing else; "
            "train it without --data."
        )
    return class_planes(torch.from_numpy(np.array(examples.class_maps)).to(device), len(CLASSES))


def train_semantic(
    settings: SemanticSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
) -> UNet2DConditionModel:
    """Train, or go on training, in `folder`; returns the averaged denoiser.

    Args:
        settings: Of network, noise and loop.
        parts: First stage and text encoder.
        source: Of pictures with captions and class maps.
        folder: Of the run.
        start: A text model's denoiser: its shape and, without `settings.unet`, its weights count.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    unet = start if settings.unet is None else build_unet(
        settings.unet, start.config.out_channels, start.config.sample_size,
        start.config.cross_attention_dim,
    )  # fmt: skip
    widen_input(unet, PLANES)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        planes = planes_of(examples, parts.device)
        x0 = parts.latents(examples)  # (B, z, h, w)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        return velocity_loss(
            lambda x, t: network(torch.cat([x, planes], dim=1), t, tokens).sample,
            x0, settings.noise, thing_weights(examples, settings.thing_weight, x0),
        )  # fmt: skip

    return fit(unet, loss, settings.loop, folder, settings, lambda u: semantic_sheet(u, parts))


@torch.no_grad()
def semantic_sheet(unet: UNet2DConditionModel, parts: FrozenParts, count: int = 16) -> Pixels:
    """Unseen class maps above what is drawn for them, the second half without captions."""
    examples = unseen_examples(count, native_size(parts, unet))
    texts = [text if i < count // 2 else "" for i, text in enumerate(examples.captions)]
    planes = planes_of(examples, parts.device)
    drawn = draw_guided(unet, parts, texts, Draw(scale=GUIDANCE), planes)
    assert examples.class_maps is not None
    return paired_sheet(_COLOURS[examples.class_maps], parts.decode(drawn))


CARD = Card(
    title="Starter semantic: pictures from class maps",
    summary="Draws a landscape of the starter's world in which every place shows the class that a "
    "map gives it. A prompt may say the rest: time of day, season, colours.",
    limits="It knows sixteen classes: " + ", ".join(entry.name for entry in CLASSES) + ". Classes "
    "where its world never has them (a house in the sky) are drawn as well as it can.",
    tags=("semantic-synthesis",),
)


def _source(
    command: TrainCommand, settings: SemanticSettings, parts: FrozenParts, size: int
) -> Source:
    """What the command says, and of the world's scenes some with two grounds."""
    usual = open_source(command, parts, size, settings.loop.batch)
    if command.data is not None or not settings.two_grounds:
        return usual
    count = max(1, (command.scenes or scenes_of(command.recipe, size)) // TWO_GROUNDS_PART)
    scenes = command.work.parent / "scenes"
    other = scene_pool(scenes, count, size, command.first_scene, two_grounds=True)
    return Mixed(usual, other, settings.two_grounds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    command = parse("semantic", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    parts, unet = load_begun(command)
    if command.go_on:
        settings = replace(settings, unet=None)
    source = _source(command, settings, parts, native_size(parts, unet))
    unet = train_semantic(settings, parts, source, command.work, unet)
    if is_main():
        names = tuple(entry.name for entry in CLASSES)
        about = Export("semantic", classes=names, defaults={"guidance_scale": GUIDANCE})
        export_folder(command.out, {"unet": unet}, about, command.start)
        write_card(command.out, CARD, command, unet)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
