"""Puts networks together to a model: what a family of an extension gives, and what it may leave to Easel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.conditioners import Conditioners
from webui.engine.denoisers import NoiseLevels
from webui.engine.families.parts import ReadFirstStage
from webui.engine.model import LoadedModel, TextReader
from webui.engine.previews import Projection
from webui.engine.shared_networks import Place, network_bytes


# Any: a network of any library.
def model_of(
    checkpoint: CheckpointInfo,
    place: Place,
    unet: Any,
    levels: NoiseLevels,
    first_stage: ReadFirstStage | None = None,
    reads: TextReader | None = None,
) -> LoadedModel:
    """A model whose parts are there.

    Args:
        checkpoint: What it was read from.
        place: Where it was put.
        unet: Its denoising network: (x, timesteps, return_dict=False) and, where it is told more, diffusers'
            `encoder_hidden_states` and `class_labels`; a tuple that begins with the prediction.
        levels: Noise levels of its training, and what it predicts.
        first_stage: None for a model of pixels.
        reads: How it reads a prompt; None for one that reads none.
    """
    stage = first_stage or _pixels(place.device)
    weights = next(unet.parameters())
    return LoadedModel(
        checkpoint=checkpoint, device=place.device, dtype=weights.dtype, text_encoder=None, tokenize=None,
        frame=None, unet=unet, vae=stage.vae, latent_scale=stage.scale, latent_shift=stage.shift,
        levels=levels, bytes=network_bytes(unet, stage.vae), projection=stage.projection, reads=reads,
        conditioners=Conditioners(),
    )  # fmt: skip


class PixelStage(nn.Module):
    """In the place of a first stage where there is none: a latent is its picture."""

    def __init__(self) -> None:
        super().__init__()
        self.precision = nn.Parameter(torch.zeros(1), requires_grad=False)

    def encode(self, x: Tensor, *, return_dict: bool) -> tuple[Tensor]:  # noqa: ARG002 - diffusers' shape
        """The pixels themselves."""
        return (x,)

    def decode(self, z: Tensor, *, return_dict: bool) -> tuple[Tensor]:  # noqa: ARG002 - as above
        """The pixels themselves."""
        return (z,)


def _pixels(device: torch.device) -> ReadFirstStage:
    colours = torch.cat((torch.eye(3), torch.zeros(1, 3)))
    return ReadFirstStage(PixelStage().to(device), 1.0, 0.0, Projection.of(colours))
