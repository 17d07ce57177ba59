"""The second stage: a text-conditional denoiser in the first stage's latents (paper, section 3.2).

Captions are dropped one time in ten for classifier-free guidance (Ho and Salimans 2021), which
also makes it an unconditional model; one caption in twenty-five is a bare class name, which makes
it a class-conditional one. Cells that a foreground object covers count more, because colours and
shapes of small things would otherwise drown in sky.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from webui.training.command import (
    is_main,
    load_start,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.diffusion import NoiseSettings, sample, velocity_loss
from webui.training.examples import Examples, Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.foundation import trained_parts
from webui.training.loop import LoopSettings, fit
from webui.training.networks import FrozenParts, UNetSettings, build_unet
from webui.training.runs import Pixels, picture_sheet
from webui.training.scenes import UNSEEN_SEEDS
from webui.training.world import caption_text


@dataclass(frozen=True)
class TextToImageSettings:
    """Everything a text model depends on beside its first stage and its text encoder."""

    unet: UNetSettings = field(default_factory=UNetSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    loop: LoopSettings = field(default_factory=LoopSettings)
    caption_dropout: float = 0.1
    """Share of examples that see an empty caption."""
    thing_weight: float = 2.0
    """Extra loss weight of a cell that foreground objects cover wholly."""


DEFAULTS: dict[str, str | int | float] = {"guidance_scale": 3.0, "schedule": "SGM Uniform"}
"""What the finished model suggests: of the scales that `evaluate` tries, the one with most facts right;
and steps that begin at pure noise without dwelling there, as Karras' do."""

RECIPES = {
    "cpu": TextToImageSettings(loop=LoopSettings(budget_seconds=80 * 60)),
    "gpu": TextToImageSettings(
        unet=UNetSettings((80, 96, 112)),
        loop=LoopSettings(batch=256, peak_learning_rate=1.2e-3, ema_decay=0.998, budget_seconds=390),
    ),
}  # fmt: skip


GO_ON_RATE = 0.25
"""Of the peak learning rate, for a model that was trained to its end: at the whole one it became worse."""


def drop_captions(captions: Sequence[str], share: float, rng: np.random.Generator) -> list[str]:
    """The captions, each emptied with this probability."""
    return ["" if rng.random() < share else caption for caption in captions]


def thing_weights(examples: Examples, weight: float, like: Tensor) -> Tensor | None:
    """Loss weight of each latent cell (B, 1, h, w); None where the source does not know things."""
    if examples.things is None:
        return None
    covered = torch.from_numpy(np.array(examples.things)).to(like.device, torch.float32)
    return 1 + weight / 255 * covered.unsqueeze(1)


def train_text_to_image(
    settings: TextToImageSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel | None = None,
) -> UNet2DConditionModel:
    """Train, or go on training, in `folder`; returns the averaged denoiser.

    Args:
        settings: Of the network, its noise and its loop.
        parts: First stage and text encoder; the source's pool may be encoded in it already.
        source: Of pictures with captions.
        folder: Of the run.
        start: Weights to begin with, for fine-tuning; else random ones.
    """
    first = parts.latents(source.draw(settings.loop.batch, np.random.default_rng(0)))
    width = int(parts.encoder.config.hidden_size)
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    unet = start or build_unet(settings.unet, first.shape[1], first.shape[2], width)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        x0 = parts.latents(examples)  # (B, z, h, w)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        weight = thing_weights(examples, settings.thing_weight, x0)
        return velocity_loss(
            lambda x, t: network(x, t, tokens).sample, x0, settings.noise, weight
        )  # (scalar)

    return fit(unet, loss, settings.loop, folder, settings, lambda u: caption_sheet(u, parts))


@torch.no_grad()
def caption_sheet(unet: UNet2DConditionModel, parts: FrozenParts, count: int = 24) -> Pixels:
    """Pictures of unseen scenes' captions, with fixed captions and noise, uint8 (H, W, 3)."""
    rng = np.random.default_rng(0)
    texts = [caption_text(UNSEEN_SEEDS + i, rng) for i in range(count)]
    return picture_sheet(parts.decode(draw_guided(unet, parts, texts)), columns=8)


@dataclass(frozen=True)
class Draw:
    """How a sheet's pictures are drawn."""

    steps: int = 20
    scale: float = 4.0
    seed: int = 0


def draw_guided(
    unet: UNet2DConditionModel,
    parts: FrozenParts,
    texts: list[str],
    how: Draw = Draw(),
    planes: Tensor | None = None,
) -> Tensor:
    """Latents (B, z, h, w) of texts under classifier-free guidance.

    Args:
        unet: The denoiser, at its own size.
        parts: Its first stage and text encoder.
        texts: One a picture.
        how: Steps of DDIM, scale of guidance, seed.
        planes: Concatenated to the network's input, (B, K, h, w).
    """
    rows = torch.cat([parts.tokens(texts), parts.tokens([""]).expand(len(texts), -1, -1)])

    def predict(x: Tensor, t: Tensor) -> Tensor:
        x = x if planes is None else torch.cat([x, planes], dim=1)
        told, untold = unet(torch.cat([x, x]), torch.cat([t, t]), rows).sample.chunk(2)
        guided: Tensor = untold + how.scale * (told - untold)
        return guided

    size = int(unet.config.sample_size)
    shape = (len(texts), int(unet.config.out_channels), size, size)
    return sample(predict, shape, how.steps, how.seed, parts.device)


CARD = Card(
    title="Starter: small illustrated landscapes",
    summary="Draws little landscapes from simple English captions: sky by time of day, sun, moon, stars, clouds,\n"
    "mountains, meadow, desert, snowfield, lake, sea, houses, trees, pines, boats, hot air balloons and flowers,\n"
    "as a flat illustration, a watercolour, a pencil drawing, pixel art or a neon night. An empty prompt draws any\n"
    "scene, a bare class name (`house`, `lake`, `night`) one that shows it.",
    limits="One world, five styles, at most three groups of things, simple wording. It knows nothing else: a prompt\n"
    "outside of that world gives a landscape.",
    tags=("text-to-image",),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train a text model with all of its parts; with --data or --go-on, one on with those it has."""
    command = parse("text", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    start = None
    if command.go_on:
        settings = replace(settings, loop=settings.loop.slowed(GO_ON_RATE))
    if command.data is None and not command.go_on:
        parts = trained_parts(command.recipe, command.work.parent)
        size = int(parts.vae.config.sample_size)
    else:
        begin = command.out if command.go_on else command.start
        parts, start = load_start(replace(command, start=begin))
        size = native_size(parts, start)
    source = open_source(command, parts, size, settings.loop.batch)
    unet = train_text_to_image(settings, parts, source, command.work, start)
    if is_main():
        networks = {
            "unet": unet,
            "vae": parts.vae,
            "text_encoder": parts.encoder,
            "tokenizer": parts.tokenizer,
        }
        export_folder(command.out, networks, Export(defaults=DEFAULTS))
        write_card(command.out, CARD, command, unet)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
