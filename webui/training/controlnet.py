"""Controlnets: a copy of the text model's encoder that reads a picture (Zhang et al. 2023).

    python launch.py train controlnet --hint edges
    python launch.py train controlnet --hint classes

The text model is frozen. A trainable copy of its encoder half is shown the same latent and text and
a hint at pixel size; what it says is added to the connections between the halves through
convolutions that begin at zero, so that the first step changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

from webui.training.command import (
    STARTER,
    TrainingRefused,
    is_main,
    load_finished,
    load_start,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, sample, velocity_loss
from webui.training.examples import Examples, Source
from webui.training.export import Card, make_readable, save_part, told_runs, write_card, write_json
from webui.training.loop import LoopSettings, fit
from webui.training.networks import FrozenParts
from webui.training.runs import Pixels
from webui.training.showcase import paired_sheet, unseen_examples
from webui.training.text_to_image import Draw, drop_captions, thing_weights
from webui.training.world import CLASSES

HINTS = ("edges", "classes")
_COLOURS = np.array([entry.rgb for entry in CLASSES], np.uint8)
_CANNY = (60, 120)
"""Thresholds of a look; training draws its own, because users will."""


@dataclass(frozen=True)
class ControlSettings:
    """Everything a controlnet depends on beside the text model that it steers."""

    hint: str = "edges"
    """What it reads: 'edges' (Canny's) or 'classes' (a class map in its palette's colours)."""
    widths: tuple[int, ...] = (16, 32, 64, 96)
    """Of the layers that bring the hint to the latent's size; each after the first halves it."""
    caption_dropout: float = 0.3
    """Share of examples that see an empty caption, so that the hint must say what there is."""
    thing_weight: float = 2.0
    """Extra loss weight of a cell that foreground objects cover wholly."""
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    loop: LoopSettings = field(default_factory=LoopSettings)


RECIPES = {
    "cpu": ControlSettings(
        loop=LoopSettings(
            batch=16, peak_learning_rate=1.5e-3, warmup_steps=50, ema_decay=0.995,
            budget_seconds=8 * 60, seed=8,
        )
    ),
    "gpu": ControlSettings(
        loop=LoopSettings(
            batch=64, peak_learning_rate=1e-3, warmup_steps=100, budget_seconds=160, seed=8,
        )
    ),
}  # fmt: skip


def build_controlnet(unet: UNet2DConditionModel, settings: ControlSettings) -> ControlNetModel:
    """A copy of a denoiser's encoder with an eye for hints of three channels.

    The convolutions towards the denoiser begin at zero, so nothing changes at first. The last one
    of the eye, which diffusers zeroes too, begins at random: with both at zero neither side gives
    the other a gradient, and minutes pass before the hint is seen at all.
    """
    control = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=settings.widths)
    control.controlnet_cond_embedding.conv_out.reset_parameters()
    return control


def edges(picture: Pixels, low: float, high: float) -> Pixels:
    """Canny's edges of a picture (H, W, 3), white on black, in three equal channels."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    return np.repeat(np.asarray(cv2.Canny(grey, low, high), np.uint8)[..., None], 3, axis=2)


def hint_pictures(examples: Examples, hint: str, rng: np.random.Generator | None = None) -> Pixels:
    """The hints of examples as users would give them, uint8 RGB (B, H, W, 3).

    Args:
        examples: Of pictures, and of class maps where these are the hint.
        hint: One of `HINTS`.
        rng: Draws the thresholds of edges; None takes the usual ones.

    Raises:
        TrainingRefused: class maps are wanted and the source has none.
    """
    if hint == "classes":
        if examples.class_maps is None:
            raise TrainingRefused(
                "These pictures have no class maps; train with --hint edges, or without --data."
            )
        colours: Pixels = _COLOURS[examples.class_maps]
        return colours
    lows = (
        np.full(len(examples.pictures), _CANNY[0])
        if rng is None
        else rng.uniform(30, 100, len(examples.pictures))
    )
    ratio = _CANNY[1] / _CANNY[0]
    return np.stack(
        [edges(p, low, low * ratio) for p, low in zip(examples.pictures, lows, strict=True)]
    )


def as_hint(pictures: Pixels, device: torch.device) -> Tensor:
    """Hints as a controlnet takes them, (B, 3, H, W) in [0, 1]."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device, torch.float32) / 255
    return tensor.contiguous(memory_format=torch.channels_last)


def steered(
    unet: UNet2DConditionModel,
    control: nn.Module,
    x: Tensor,
    t: Tensor,
    tokens: Tensor,
    hint: Tensor,
) -> Tensor:
    """Velocity (B, C, h, w) of the denoiser with what the controlnet adds to it."""
    down, middle = control(x, t, tokens, hint, return_dict=False)
    velocity: Tensor = unet(
        x, t, tokens,
        down_block_additional_residuals=down, mid_block_additional_residual=middle,
    ).sample  # fmt: skip
    return velocity


def train_controlnet(
    settings: ControlSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
    control: ControlNetModel | None = None,
) -> ControlNetModel:
    """Train, or go on training, in `folder`; returns the averaged controlnet.

    Args:
        settings: Of hint and loop.
        parts: First stage and text encoder.
        source: Of pictures with captions, and class maps where these are the hint.
        folder: Of the run.
        start: The text model's denoiser, which stays as it is.
        control: One to go on with; None begins with a new one.
    """
    start.requires_grad_(False).eval()
    start.to(parts.device, memory_format=torch.channels_last)
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    control = build_controlnet(start, settings) if control is None else control

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        hint = as_hint(hint_pictures(examples, settings.hint, rng), parts.device)
        x0 = parts.latents(examples)  # (B, z, h, w)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        return velocity_loss(
            lambda x, t: steered(start, network, x, t, tokens, hint),
            x0, settings.noise, thing_weights(examples, settings.thing_weight, x0),
        )  # fmt: skip

    return fit(
        control, loss, settings.loop, folder, settings,
        lambda c: control_sheet(c, start, parts, settings.hint),
    )  # fmt: skip


@torch.no_grad()
def control_sheet(
    control: ControlNetModel,
    unet: UNet2DConditionModel,
    parts: FrozenParts,
    hint: str,
    count: int = 16,
) -> Pixels:
    """Hints of unseen scenes above what is drawn for them, the second half without captions."""
    examples = unseen_examples(count, native_size(parts, unet))
    shown = hint_pictures(examples, hint)
    texts = [text if i < count // 2 else "" for i, text in enumerate(examples.captions)]
    drawn = draw_steered(control, unet, parts, texts, as_hint(shown, parts.device))
    return paired_sheet(shown, parts.decode(drawn))


def draw_steered(
    control: ControlNetModel,
    unet: UNet2DConditionModel,
    parts: FrozenParts,
    texts: list[str],
    hint: Tensor,
) -> Tensor:
    """Latents (B, z, h, w) of texts and hints (B, 3, H, W) under classifier-free guidance."""
    how = Draw(scale=3.0)
    rows = torch.cat([parts.tokens(texts), parts.tokens([""]).expand(len(texts), -1, -1)])
    hints = torch.cat([hint, hint])

    def predict(x: Tensor, t: Tensor) -> Tensor:
        both = steered(unet, control, torch.cat([x, x]), torch.cat([t, t]), rows, hints)
        told, untold = both.chunk(2)
        guided: Tensor = untold + how.scale * (told - untold)
        return guided

    size = int(unet.config.sample_size)
    shape = (len(texts), int(unet.config.out_channels), size, size)
    return sample(predict, shape, how.steps, how.seed, parts.device)


CARDS = {
    "edges": Card(
        title="Starter controlnet: edges",
        summary="Steers the starter's text model by a drawing of edges, white on black as Canny's "
        "method gives them. What the edges leave open, the prompt says.",
        limits="It belongs to the starter's text model and its world. Thick or grey lines are "
        "unknown to it; thin white ones are what it read.",
        tags=("controlnet",),
    ),
    "classes": Card(
        title="Starter controlnet: class maps",
        summary="Steers the starter's text model by a class map in the colours of its palette. "
        "What the map leaves open, the prompt says.",
        limits="It belongs to the starter's text model and knows sixteen classes: "
        + ", ".join(f"{c.name} #{bytes(c.rgb).hex()}" for c in CLASSES)
        + ".",
        tags=("controlnet",),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--hint", choices=HINTS, default="edges")
    chosen, rest = own.parse_known_args(arguments)
    name = f"controlnet-{chosen.hint}"
    command = parse(name, __doc__ or "", rest, STARTER / name)
    command = replace(command, kind=f"controlnet --hint {chosen.hint}")
    settings = replace(with_budget(RECIPES[command.recipe], command.minutes), hint=chosen.hint)
    parts, unet = load_start(command)
    source = open_source(command, parts, native_size(parts, unet), settings.loop.batch)
    before = load_finished(command, ControlNetModel) if command.go_on else None
    control = train_controlnet(settings, parts, source, command.work, unet, before)
    if is_main():
        earlier = told_runs(command.out) if command.go_on else []
        save_part(control, command.out)  # its folder anew, the card gone
        write_json(command.out / "easel.json", {"reads": chosen.hint})
        make_readable(command.out)
        write_card(command.out, CARDS[chosen.hint], command, control, earlier)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
