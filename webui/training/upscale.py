"""Super-resolution by concatenation, LDM-SR (paper, section 4.4): four times the side.

    python launch.py train vq-first-stage   its first stage, once
    python launch.py train upscale

The low-resolution picture, which is as large as the latents of the high-resolution one (f = 4), is
simply concatenated to the denoiser's input. Two lessons of its successors: the degradations are
mixed (LDM-BSR), and noise of a known level is added to the picture, with the level embedded
(Ho et al. 2021, cascaded diffusion; Stable Diffusion's x4 upscaler), so that the user can say how
far the picture is to be believed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DModel, VQModel
from torch import Tensor, nn

from webui.engine.programs.conditions import noised_picture
from webui.engine.programs.upscale import LABELS
from webui.training.command import (
    TrainCommand,
    TrainingRefused,
    is_main,
    load_finished,
    open_source,
    parse,
    run_device,
    with_budget,
)
from webui.training.crops import CropSettings, draw_crops, unseen_crops
from webui.training.degradations import DegradationSettings, degrade, enlarge
from webui.training.diffusion import NoiseSettings, sample, velocity_loss
from webui.training.examples import Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit, steps_taken
from webui.training.runs import Pixels, picture_sheet, to_uint8
from webui.training.streams import Stream, random_source
from webui.training.vq_first_stage import device_of, psnr

log = logging.getLogger(__name__)

FACTOR = 4
"""Of the first stage and of the enlargement alike."""
SCHEDULE = "SGM Uniform"
"""Begins at the noisiest level, where all is still to be read from the small picture."""
STEPS = 2
DEFAULTS: dict[str, str | int | float] = {
    "sampler": "DDIM", "schedule": SCHEDULE, "steps": STEPS, "guidance_scale": 1.0,
}  # fmt: skip
"""Of a request: the small picture decides nearly everything, so few steps do (measured: 32.0 dB with
one, 32.2 with two, 31.9 with three)."""


@dataclass(frozen=True)
class UpscaleSettings:
    """Everything an upscaler depends on beside its first stage."""

    channels: tuple[int, ...] = (48, 80, 112)
    """Width of each level; no attention, so that cost grows with the picture's area only."""
    layers: int = 1
    """Residual blocks a level."""
    side: int = 128
    """Of the high-resolution crops in pixels."""
    views: int = 2
    """Times each crop is used in a batch, spoiled and diffused differently: encoding it costs."""
    crops: CropSettings = field(default_factory=CropSettings)
    degradations: DegradationSettings = field(default_factory=DegradationSettings)
    clean: float = 0.5
    """Share of low-resolution pictures that get no noise augmentation."""
    noise: NoiseSettings = field(default_factory=lambda: NoiseSettings(timestep_bias=1.0))
    """Without min-SNR: few steps stand on the first guess, at the noisiest level, which it all but
    leaves out."""
    workers: int = 0
    """Processes that cut and spoil crops ahead; 0 does it between the steps."""
    loop: LoopSettings = field(default_factory=LoopSettings)


RECIPES = {
    "cpu": UpscaleSettings(
        loop=LoopSettings(batch=16, peak_learning_rate=8e-4, budget_seconds=35 * 60, seed=6),
    ),
    "gpu": UpscaleSettings(
        crops=CropSettings(pictures=3000, per_draw=16),
        workers=12,
        loop=LoopSettings(batch=64, peak_learning_rate=1e-3, budget_seconds=190, seed=6),
    ),
}


def build_upscaler(settings: UpscaleSettings, latent_channels: int) -> UNet2DModel:
    """A diffusers UNet without attention: noisy latents and a small RGB picture in, velocity out."""
    levels = len(settings.channels)
    return UNet2DModel(
        sample_size=settings.crops.picture_size // FACTOR,
        in_channels=latent_channels + 3,
        out_channels=latent_channels,
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        block_out_channels=settings.channels,
        layers_per_block=settings.layers,
        add_attention=False,
        norm_num_groups=16,
        class_embed_type="timestep",
    )


def augmentation_levels(count: int, clean: float, rng: np.random.Generator) -> Tensor:
    """Standard deviations of noise (count,), 0 to 1: a share of zeros, of the others mostly low."""
    levels = rng.random(count) ** 2
    levels[rng.random(count) < clean] = 0
    return torch.from_numpy(levels.astype(np.float32))


@torch.no_grad()
def encode(vq: VQModel, pictures: Pixels) -> Tensor:
    """Latents before the codebook, at unit variance, float32 (B, z, h, w)."""
    pixels = to_model(pictures, device_of(vq))
    latents: Tensor = vq.encode(pixels).latents.float() * float(vq.config.scaling_factor)
    return latents


@torch.no_grad()
def decode(vq: VQModel, latents: Tensor, batch: int = 8) -> Pixels:
    """Pictures uint8 (B, H, W, 3); the codebook rounds the latents first."""
    parts = torch.split(latents / float(vq.config.scaling_factor), batch)
    return to_uint8(torch.cat([vq.decode(part).sample for part in parts]))


def train_upscale(
    settings: UpscaleSettings,
    vq: VQModel,
    source: Source,
    unseen: Pixels,
    folder: Path,
    start: UNet2DModel | None = None,
) -> UNet2DModel:
    """Train, or go on training, in `folder`; returns the averaged denoiser.

    Args:
        settings: Of the network, its lessons and its loop.
        vq: First stage of factor 4, frozen, on the device to train on.
        source: Of large pictures, which crops are cut from.
        unseen: Sharp pictures uint8 (N, S, S, 3) for the sheet and the measured gain.
        folder: Of the run.
        start: Weights to begin with, for fine-tuning; else random ones.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    unet = start or build_upscaler(settings, int(vq.config.latent_channels))
    pairs = Stream(
        partial(pairs_of_a_step, settings, source), settings.workers, steps_taken(folder)
    )

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        sharp, small = next(pairs)
        x0 = encode(vq, sharp).repeat_interleave(settings.views, dim=0)  # (B, z, h, w)
        levels = augmentation_levels(len(x0), settings.clean, rng).to(x0.device)
        seen = to_model(small, x0.device)
        seen = noised_picture(seen, levels, torch.randn_like(seen))  # (B, 3, h, w)
        return velocity_loss(
            lambda x, t: network(torch.cat([x, seen], dim=1), t, LABELS * levels).sample,
            x0, settings.noise,
        )  # fmt: skip

    return fit(unet, loss, settings.loop, folder, settings, lambda u: look(u, vq, unseen))


def pairs_of_a_step(
    settings: UpscaleSettings, source: Source, number: int
) -> tuple[Pixels, Pixels]:
    """Sharp crops (B / views, S, S, 3) and `views` small, spoiled ones of each, for this step."""
    rng = random_source(number, settings.loop.seed)
    count = max(1, settings.loop.batch // settings.views)
    sharp = draw_crops(source, settings.crops, settings.side, count, rng)
    repeated = np.repeat(sharp, settings.views, axis=0)
    small = [degrade(crop, FACTOR, settings.degradations, rng) for crop in repeated]
    return sharp, np.stack(small)


@dataclass(frozen=True)
class Upscaling:
    """How pictures are enlarged for a look."""

    steps: int = STEPS
    augmentation: float = 0.0
    """Standard deviation of the noise on the small picture, 0 to 1."""
    seed: int = 0


@torch.no_grad()
def upscaled(
    unet: UNet2DModel, vq: VQModel, pictures: Pixels, how: Upscaling = Upscaling()
) -> Pixels:
    """Pictures uint8 (B, 4 h, 4 w, 3) of small ones (B, h, w, 3), drawn by DDIM."""
    levels = torch.full((len(pictures),), how.augmentation)
    return decode(vq, drawn_latents(unet, pictures, levels, how.steps, how.seed))


@torch.no_grad()
def drawn_latents(
    unet: UNet2DModel, pictures: Pixels, levels: Tensor, steps: int, seed: int
) -> Tensor:
    """Latents at unit variance (B, z, h, w) under small pictures (B, h, w, 3), drawn by DDIM.

    Args:
        unet: The denoiser.
        pictures: uint8, their sides multiples of what the denoiser halves.
        levels: Of the noise augmentation, standard deviations 0 to 1, (B,).
        steps: Of the sampler.
        seed: Of the augmentation's noise; the one after it is the picture's.
    """
    device = device_of(unet)
    levels = levels.to(device)
    grain = torch.randn(
        (len(pictures), 3, *pictures.shape[1:3]), generator=torch.Generator().manual_seed(seed)
    )
    seen = noised_picture(to_model(pictures, device), levels, grain.to(device))

    def predict(x: Tensor, t: Tensor) -> Tensor:
        velocity: Tensor = unet(torch.cat([x, seen], dim=1), t, LABELS * levels).sample
        return velocity

    shape = (len(pictures), int(unet.config.out_channels), *seen.shape[2:])
    return sample(predict, shape, steps, seed + 1, device, SCHEDULE)


def look(unet: UNet2DModel, vq: VQModel, pictures: Pixels, shown: int = 8) -> Pixels:
    """Log the gain over bicubic; a sheet of small, bicubic, upscaled and original pictures."""
    rng = np.random.default_rng(0)
    small = np.stack([degrade(p, FACTOR, DegradationSettings(), rng) for p in pictures])
    bicubic = np.stack([enlarge(p, FACTOR) for p in small])
    made = np.concatenate([upscaled(unet, vq, part) for part in _batches(small, 8)])
    log.info(
        "upscale: %.2f dB, bicubic %.2f dB over %d unseen pictures, mixed degradations",
        psnr(made, pictures), psnr(bicubic, pictures), len(pictures),
    )  # fmt: skip
    large = np.repeat(np.repeat(small, FACTOR, axis=1), FACTOR, axis=2)
    rows = [part[:shown] for part in (large, bicubic, made, pictures)]
    return picture_sheet(np.concatenate(rows), columns=min(shown, len(pictures)))


def _batches(pictures: Pixels, size: int) -> list[Pixels]:
    return [pictures[start : start + size] for start in range(0, len(pictures), size)]


def load_networks(command: TrainCommand) -> tuple[VQModel, UNet2DModel | None]:
    """The first stage, frozen, and with --go-on the denoiser to go on with.

    Raises:
        TrainingRefused: there is no first stage yet, or no denoiser.
    """
    folder = command.out / "vqvae"
    try:
        vq = VQModel.from_pretrained(folder, torch_dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise TrainingRefused(
            f"{str(folder)!r} cannot be read as the upscaler's first stage: {error} "
            "Train it first: python launch.py train vq-first-stage"
        ) from error
    vq.to(run_device(), memory_format=torch.channels_last).eval().requires_grad_(False)
    return vq, load_finished(command, UNet2DModel, "unet") if command.go_on else None


CARD = Card(
    title="Starter upscaler: four times the side",
    summary="Draws a picture of the starter's world four times as wide and high, sharp where the "
    "small one is blurred, noisy or full of JPEG blocks. Noise augmentation says how far the small "
    "picture is to be believed: at 0 it is followed closely, higher it is only a hint.",
    limits="It has only ever seen drawings of one world; on photographs it sharpens edges and "
    "loses fine texture. Very small faces and letters are unknown to it.",
    tags=("super-resolution",),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    command = parse("upscale", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    vq, start = load_networks(command)
    source = open_source(
        command, None, settings.crops.picture_size, settings.crops.per_draw, settings.crops.pictures
    )
    unseen = unseen_crops(settings.crops, settings.side, 24)
    unet = train_upscale(settings, vq, source, unseen, command.work, start)
    if is_main():
        about = Export("upscale", "LDMSuperResolutionPipeline", shared=(), defaults=DEFAULTS)
        export_folder(command.out, {"unet": unet, "vqvae": vq}, about)
        write_card(command.out, CARD, command, unet)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
