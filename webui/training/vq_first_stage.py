"""The upscaler's first stage: a VQ-regularised autoencoder of factor 4 (paper, section 3.1).

    python launch.py train vq-first-stage

Latents have three channels and are quantised inside the decoder (van den Oord et al. 2017; Esser
et al. 2021), so that a denoiser works on continuous latents and its small errors are rounded away.
There is no attention: 512 pixels have 128x128 latents, for which it costs more than all the rest.
The finest levels begin as those of the text model's first stage, which know edges and textures.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, VQModel
from torch import Tensor, nn

from webui.training.codebook import CodebookWatch, place_codes
from webui.training.command import (
    STARTER,
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
from webui.training.examples import Source
from webui.training.export import make_readable, save_part
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit, steps_taken
from webui.training.reconstruction import reconstruction_loss
from webui.training.runs import Pixels, picture_sheet, to_uint8
from webui.training.streams import Stream, random_source

log = logging.getLogger(__name__)

FOLDER = STARTER / "upscale" / "vqvae"
"""The part of the upscaler that this is."""


@dataclass(frozen=True)
class VqSettings:
    """Everything a VQ first stage depends on beside its pictures."""

    channels: tuple[int, ...] = (24, 48, 96)
    """Width of each resolution level; three levels make f = 4."""
    latent_channels: int = 3
    codes: int = 4096
    """Entries of the codebook."""
    crops: CropSettings = field(default_factory=CropSettings)
    sides: tuple[int, ...] = (64, 64, 64, 128)
    """Side of a step's crops, drawn from these; small crops are many, large ones show more."""
    squared_error: float = 12.0
    """Weight of the squared error: of the broad colours, which an enlarged picture is wrong in most."""
    codebook_weight: float = 1.0
    """Weight of the codebook and commitment loss; its own balance is diffusers' 0.25."""
    revive_steps: int = 50
    """Steps between two looks for dead codes."""
    workers: int = 0
    """Processes that cut crops ahead; 0 cuts them between the steps."""
    loop: LoopSettings = field(default_factory=LoopSettings)
    """Its batch counts crops of 64 pixels; of larger ones there are fewer, of equal area."""


RECIPES = {
    "cpu": VqSettings(
        loop=LoopSettings(
            batch=8, peak_learning_rate=1.5e-3, weight_decay=1e-4,
            budget_seconds=20 * 60, seed=5, sheet_seconds=240, compile=False,
        ),
    ),
    "gpu": VqSettings(
        channels=(32, 64, 128),
        crops=CropSettings(pictures=3000, per_draw=16),
        sides=(64, 128, 128, 256),
        workers=4,
        loop=LoopSettings(
            batch=192, peak_learning_rate=1e-3, weight_decay=1e-4, budget_seconds=90, seed=5,
            compile=False,  # its codebook is watched from within
        ),
    ),
}  # fmt: skip


def build_vq(settings: VqSettings) -> VQModel:
    """A diffusers VQModel of these settings, randomly initialised."""
    levels = len(settings.channels)
    return VQModel(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=settings.channels,
        layers_per_block=1,
        latent_channels=settings.latent_channels,
        sample_size=settings.crops.picture_size // 4,
        num_vq_embeddings=settings.codes,
        norm_num_groups=8,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def start_from(vq: VQModel, vae: AutoencoderKL) -> int:
    """Take over the finest levels of another autoencoder, in place; returns how many weights fit.

    Levels are counted from the picture: what an edge is, is the same for f = 8 as for f = 4. What
    has no counterpart of its shape, the middle and the latents, stays random.
    """
    theirs: dict[str, Tensor] = vae.state_dict()
    further = len(vae.config.block_out_channels) - len(vq.config.block_out_channels)
    own: dict[str, Tensor] = vq.state_dict()
    taken: dict[str, Tensor] = {}
    for name, tensor in own.items():
        if ".mid_block." in name or name.startswith(("quant", "post_quant")):
            continue
        blocks, _, rest = name.removeprefix("decoder.up_blocks.").partition(".")
        level = f"decoder.up_blocks.{int(blocks) + further}.{rest}" if blocks.isdigit() else name
        found = theirs.get(level)
        if found is not None and found.shape == tensor.shape:
            taken[name] = found
    vq.load_state_dict(own | taken)
    return sum(tensor.numel() for tensor in taken.values())


def vq_loss(network: nn.Module, x: Tensor, settings: VqSettings) -> Tensor:
    """Of pictures x (B, 3, H, W): reconstruction, and codes and latents drawn to one another."""
    made = network(x)
    codebook = made.commit_loss.float()  # diffusers': commitment, and 0.25 of the codes' side
    rec = reconstruction_loss(made.sample.float(), x, settings.squared_error)
    loss: Tensor = rec + settings.codebook_weight * codebook
    return loss


def train_vq(
    settings: VqSettings,
    source: Source,
    unseen: Pixels,
    folder: Path,
    start: AutoencoderKL | VQModel,
) -> VQModel:
    """Train, or go on training, in `folder`; returns the averaged autoencoder at unit variance.

    Args:
        settings: Of the autoencoder and its loop.
        source: Of large pictures, which crops are cut from.
        unseen: Pictures uint8 (N, H, W, 3) that are not trained on, for PSNR and sheets; sides
            are multiples of 4.
        folder: Of the run.
        start: On the device to train on: one to go on with, or another autoencoder whose finest
            levels are taken over where they have the same shapes.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    first = draw_crops(source, settings.crops, 64, 16, np.random.default_rng(0))
    if isinstance(start, VQModel):
        vq = start
    else:
        vq = build_vq(settings).to(start.device)
        log.info("first stage: %d weights of another taken over", start_from(vq, start))
        place_codes(vq, to_model(first, start.device))
    watch = CodebookWatch(vq, settings.revive_steps)
    crops = Stream(
        partial(crops_of_a_step, settings, source), settings.workers, steps_taken(folder)
    )

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:  # noqa: ARG001
        x = to_model(next(crops), device_of(vq))
        network.train()
        watch.revive()  # by the batches before this one, ahead of this one's gradients
        return vq_loss(network, x.contiguous(memory_format=torch.channels_last), settings)

    fit(vq, loss, settings.loop, folder, settings, lambda network: look(network, unseen))
    return normalise_latents(vq, source, settings)


def crops_of_a_step(settings: VqSettings, source: Source, number: int) -> Pixels:
    """Crops uint8 (B, S, S, 3) of one of the sides, for a step with this number."""
    rng = random_source(number, settings.loop.seed)
    side = int(rng.choice(settings.sides))
    count = max(1, settings.loop.batch * 64 * 64 // (side * side))
    return draw_crops(source, settings.crops, side, count, rng)


def device_of(network: VQModel) -> torch.device:
    """Where a network of diffusers is."""
    device: torch.device = next(network.parameters()).device
    return device


def look(vq: VQModel, pictures: Pixels, shown: int = 8) -> Pixels:
    """Log PSNR and use of the codebook; a sheet of pictures above what became of them."""
    log.info(
        "first stage: unseen %.2f dB, codes used as if %.0f were in even use",
        reconstruction_psnr(vq, pictures), perplexity(vq, pictures),
    )  # fmt: skip
    made = reconstruct(vq, pictures[:shown])
    return picture_sheet(np.concatenate([pictures[:shown], made]), columns=min(shown, len(made)))


@torch.no_grad()
def reconstruct(vq: VQModel, pictures: Pixels, batch: int = 4) -> Pixels:
    """Pictures uint8 (N, H, W, 3) through encoder, codebook and decoder."""
    vq.eval()
    parts = []
    for start in range(0, len(pictures), batch):
        pixels = to_model(pictures[start : start + batch], device_of(vq))
        parts.append(to_uint8(vq(pixels.contiguous(memory_format=torch.channels_last)).sample))
    return np.concatenate(parts)


def psnr(made: Pixels, wanted: Pixels) -> float:
    """Mean over pictures uint8 (N, H, W, 3) of the peak signal-to-noise ratio in dB."""
    error = ((made.astype(np.float64) - wanted) ** 2).mean(axis=(1, 2, 3))
    return float((10 * np.log10(255**2 / np.maximum(error, 1e-9))).mean())


def reconstruction_psnr(vq: VQModel, pictures: Pixels) -> float:
    """Mean PSNR in dB over uint8 pictures (N, H, W, 3), rounded to 8 bits as users see them."""
    return psnr(reconstruct(vq, pictures), pictures)


@torch.no_grad()
def perplexity(vq: VQModel, pictures: Pixels, batch: int = 4) -> float:
    """Exponential of the entropy of the codes' use: 1 when one serves all, their count at best."""
    counts = np.zeros(vq.quantize.n_e)
    for start in range(0, len(pictures), batch):
        latents = vq.encode(to_model(pictures[start : start + batch], device_of(vq))).latents
        chosen = vq.quantize(latents)[2][2]
        counts += np.bincount(chosen.flatten().cpu().numpy(), minlength=len(counts))
    share = counts[counts > 0] / counts.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


@torch.no_grad()
def normalise_latents(
    vq: VQModel, source: Source, settings: VqSettings, count: int = 64
) -> VQModel:
    """Set the scaling factor that gives latents unit variance (section 4.3.2 of the paper)."""
    crops = draw_crops(source, settings.crops, 128, count, np.random.default_rng(0))
    chunks = np.array_split(crops, max(1, count // 8))
    latents = torch.cat([vq.encode(to_model(chunk, device_of(vq))).latents for chunk in chunks])
    vq.register_to_config(scaling_factor=float(1 / latents.std()))
    return vq


def load_start_stage(command: TrainCommand) -> AutoencoderKL:
    """The first stage of the text model that --from names.

    Raises:
        TrainingRefused: it has none.
    """
    try:
        vae = AutoencoderKL.from_pretrained(command.start / "vae", torch_dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise TrainingRefused(
            f"--from is {str(command.start)!r}, whose vae cannot be read: {error} "
            "Make the starter's with: python launch.py train starter"
        ) from error
    return vae.to(run_device())


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and write the network where the upscaler's training looks for it."""
    command = parse("vq-first-stage", __doc__ or "", arguments, FOLDER)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    source = open_source(
        command, None, settings.crops.picture_size, settings.crops.per_draw, settings.crops.pictures
    )
    unseen = unseen_crops(settings.crops, 256, 16)
    start = (
        load_finished(command, VQModel).to(run_device())
        if command.go_on
        else load_start_stage(command)
    )
    vq = train_vq(settings, source, unseen, command.work, start)
    if is_main():
        save_part(vq, command.out)
        make_readable(command.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
