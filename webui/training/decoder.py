"""Sharpening a first stage whose latents must stay: its decoder alone is trained on.

Denoisers are trained in a first stage's latents, so its encoder is fixed once they exist. The
decoder is not: as with Stable Diffusion's later decoders (`vae-ft-mse`), it can be trained on with
more weight on the squared error, and every model that shares the latents draws sharper pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from webui.training.examples import Source
from webui.training.first_stage import to_model
from webui.training.loop import LoopSettings, fit
from webui.training.networks import FrozenParts
from webui.training.reconstruction import reconstruction_loss


@dataclass(frozen=True)
class DecoderSettings:
    """How a decoder is sharpened."""

    squared_error: float = 8.0
    """Extra weight of the mean squared error, beside the loss that first stages are trained with."""
    loop: LoopSettings = field(default_factory=LoopSettings)


RECIPES = {
    "cpu": DecoderSettings(
        loop=LoopSettings(
            batch=6, peak_learning_rate=6e-4, weight_decay=1e-4, warmup_steps=50,
            budget_seconds=15 * 60, seed=6,
        )
    ),
}  # fmt: skip
"""The gpu recipe's first stage weighs the squared error from the start and needs no second lesson."""


class _Decoder(nn.Module):
    """What of an autoencoder follows its latents."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = vae.post_quant_conv, vae.decoder

    def forward(self, latents: Tensor) -> Tensor:
        pictures: Tensor = self.decoder(self.post_quant_conv(latents))
        return pictures


def sharpen_decoder(
    settings: DecoderSettings, parts: FrozenParts, source: Source, folder: Path
) -> AutoencoderKL:
    """Train the decoder of `parts` in place, or go on, in `folder`; the encoder stays bit for bit."""
    decoder = _Decoder(parts.vae)
    decoder.requires_grad_(True)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        examples = source.draw(settings.loop.batch, rng)
        wanted = to_model(examples.pictures, parts.device)
        latents = (parts.latents(examples) / parts.scale).contiguous(
            memory_format=torch.channels_last
        )
        made = network(latents).float()
        error = (made - wanted).square().mean()
        total: Tensor = reconstruction_loss(made, wanted) + settings.squared_error * error
        return total

    fit(decoder, loss, settings.loop, folder, settings)
    decoder.requires_grad_(False)
    sharpened: AutoencoderKL = parts.vae
    return sharpened
