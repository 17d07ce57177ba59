"""The upscaler's decoder, trained on with what its denoiser draws.

    python launch.py train upscale-decoder   when both are there

A first stage learns to decode the latents of true pictures. What a denoiser draws in two steps is
not quite that: it is a little too smooth, and a little wrong. The decoder alone is trained on such
latents, beside some true ones, so that it takes them for what they stand for (as Stable Diffusion's
later decoders and the consistency decoder of DALL-E 3 were trained on for latents that were there
already). Encoder, codebook and denoiser stay bit for bit what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DModel, VQModel
from torch import Tensor, nn

from webui.training.command import (
    STARTER,
    TrainCommand,
    is_main,
    load_finished,
    open_source,
    parse,
    run_device,
    with_budget,
)
from webui.training.crops import unseen_crops
from webui.training.examples import Source
from webui.training.export import make_readable, save_part, told_runs, write_card
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit, steps_taken
from webui.training.reconstruction import reconstruction_loss
from webui.training.runs import Pixels
from webui.training.streams import Stream
from webui.training.upscale import (
    CARD,
    UpscaleSettings,
    augmentation_levels,
    drawn_latents,
    encode,
    load_networks,
    look,
    pairs_of_a_step,
)
from webui.training.upscale import (
    RECIPES as UPSCALE_RECIPES,
)


@dataclass(frozen=True)
class UpscaleDecoderSettings:
    """How the decoder is trained on."""

    pairs: UpscaleSettings
    """Which crops it sees, and how they are spoiled."""
    true_share: float = 0.25
    """Of the latents that are those of the true picture: it stays the decoder of its encoder."""
    clean: float = 0.75
    """Share of the small pictures that get no noise augmentation."""
    steps: tuple[int, ...] = (1, 2, 2, 4)
    """Of the sampler, for a batch one of these."""
    squared_error: float = 24.0
    """Weight of the squared error: the mean of what could be there is the nearest to what is."""
    loop: LoopSettings = field(default_factory=LoopSettings)


def _one_view(settings: UpscaleSettings, batch: int) -> UpscaleSettings:
    """The pairs of an upscaler's training, each crop once."""
    return replace(settings, views=1, loop=replace(settings.loop, batch=batch, seed=8))


RECIPES = {
    "cpu": UpscaleDecoderSettings(
        pairs=_one_view(UPSCALE_RECIPES["cpu"], 8),
        loop=LoopSettings(
            batch=8, peak_learning_rate=2e-4, weight_decay=1e-4, budget_seconds=40 * 60, seed=8,
        ),
    ),
    "gpu": UpscaleDecoderSettings(
        pairs=_one_view(UPSCALE_RECIPES["gpu"], 48),
        loop=LoopSettings(
            batch=48, peak_learning_rate=3e-4, weight_decay=1e-4, budget_seconds=240, seed=8,
        ),
    ),
}  # fmt: skip


class _Decoder(nn.Module):
    """What of a VQ autoencoder follows its latents: the codebook, which stays, and the decoder."""

    def __init__(self, vq: VQModel) -> None:
        super().__init__()
        self.quantize, self.post_quant_conv, self.decoder = (
            vq.quantize,
            vq.post_quant_conv,
            vq.decoder,
        )
        self.requires_grad_(True)
        self.quantize.requires_grad_(False)

    def forward(self, latents: Tensor) -> Tensor:
        nearest = self.quantize(latents)[0]
        pictures: Tensor = self.decoder(self.post_quant_conv(nearest))
        return pictures


def train_decoder(
    settings: UpscaleDecoderSettings,
    vq: VQModel,
    unet: UNet2DModel,
    source: Source,
    unseen: Pixels,
    folder: Path,
) -> VQModel:
    """Train the decoder of `vq` in place, or go on training it, in `folder`.

    Args:
        settings: Of its lessons and its loop.
        vq: First stage of factor 4, on the device to train on.
        unet: The finished denoiser, frozen, on the same device.
        source: Of large pictures, which crops are cut from.
        unseen: Sharp pictures uint8 (N, S, S, 3) for the sheet and the measured gain.
        folder: Of the run.
    """
    torch.manual_seed(settings.loop.seed)  # noqa: TID251  (a training run owns its process)
    scale = float(vq.config.scaling_factor)
    pairs = Stream(
        partial(pairs_of_a_step, settings.pairs, source),
        settings.pairs.workers,
        steps_taken(folder),
    )

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        sharp, small = next(pairs)
        latents = lesson(settings, vq, unet, sharp, small, rng) / scale
        wanted = to_model(sharp, latents.device)
        made = network(latents.contiguous(memory_format=torch.channels_last)).float()
        return reconstruction_loss(made, wanted, settings.squared_error)

    decoder = _Decoder(vq)
    fit(decoder, loss, settings.loop, folder, settings, lambda _decoder: look(unet, vq, unseen))
    return vq


@torch.no_grad()
def lesson(
    settings: UpscaleDecoderSettings,
    vq: VQModel,
    unet: UNet2DModel,
    sharp: Pixels,
    small: Pixels,
    rng: np.random.Generator,
) -> Tensor:
    """Latents at unit variance (B, z, h, w): of the sharp pictures first, then what the denoiser draws."""
    true = round(settings.true_share * len(sharp))
    drawn = drawn_latents(
        unet, small[true:],
        augmentation_levels(len(small) - true, settings.clean, rng),
        int(rng.choice(settings.steps)), int(rng.integers(2**31)),
    )  # fmt: skip
    return torch.cat([encode(vq, sharp[:true]), drawn]) if true else drawn


def load_both(command: TrainCommand) -> tuple[VQModel, UNet2DModel]:
    """The first stage and the finished denoiser of the upscaler in --out.

    Raises:
        TrainingRefused: one of them is missing.
    """
    vq, _ = load_networks(command)
    unet = load_finished(command, UNet2DModel, "unet").to(run_device())
    return vq, unet.eval().requires_grad_(False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write the first stage again, and tell of it on the upscaler's card."""
    out = STARTER / "upscale"
    command = parse("upscale-decoder", __doc__ or "", arguments, out, goes_on=False)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    vq, unet = load_both(command)
    crops = settings.pairs.crops
    source = open_source(command, None, crops.picture_size, crops.per_draw, crops.pictures)
    unseen = unseen_crops(crops, settings.pairs.side, 24)
    train_decoder(settings, vq, unet, source, unseen, command.work)
    if is_main():
        save_part(vq, command.out / "vqvae")
        make_readable(command.out)
        write_card(command.out, CARD, command, vq.decoder, told_runs(command.out))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
