"""A checkpoint in memory, in the one shape that programs and the engine know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.adapters.lora import MergedWeights
from webui.engine.conditioners import STABLE_DIFFUSION, Conditioners
from webui.engine.denoisers import NoiseLevels
from webui.engine.first_stage import FirstStage
from webui.engine.layout_encoder import ReadsBoxes
from webui.prompt.tokens import TokenFrame

if TYPE_CHECKING:  # it imports this file
    from webui.engine.acceleration import Accelerated

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """Networks on their device and what is needed to use them; compared by identity."""

    checkpoint: CheckpointInfo
    device: torch.device
    dtype: torch.dtype
    """Of the denoising network and the text encoder."""
    text_encoder: nn.Module | None
    """None, as the two that follow, for a model that reads no text."""
    tokenize: Callable[[str], list[int]] | None
    """Token ids of a text, without start and end."""
    frame: TokenFrame | None
    unet: nn.Module
    vae: FirstStage
    latent_scale: float
    """Latents are multiplied by it after encoding: they then have about unit variance."""
    latent_shift: float
    """Subtracted before scaling; 0 for most models."""
    levels: NoiseLevels
    """Noise levels of training, and what the network predicts."""
    bytes: int
    """Memory that the weights take."""
    preview: Tensor
    """(C + 1, 3) on the CPU: latent channels and a bias to RGB in [-1, 1]."""
    layout_encoder: ReadsBoxes | None = None
    """Turns boxes into tokens; None for a model that takes none."""
    conditioners: Conditioners = STABLE_DIFFUSION
    """What it follows beside or instead of text."""
    merged: MergedWeights = field(default_factory=MergedWeights)
    """What LoRAs have changed in the networks at present."""
    fast: Accelerated | None = None
    """Calls the denoising network faster, where the worker was asked to; None calls it plainly."""
    remarks: list[str] = field(default_factory=list)
    """Sentences for those whose work just ran."""

    @property
    def takes_label(self) -> bool:
        """Whether the denoising network embeds a label beside the timestep."""
        return getattr(self.unet, "class_embedding", None) is not None

    @property
    def can_be_guided(self) -> bool:
        """Whether there is anything to guide a picture away from."""
        classes, own = self.conditioners.classes, self.checkpoint.classes
        if classes is not None:
            return len(classes) > len(own)
        reads = self.text_encoder is not None or self.layout_encoder is not None
        return reads or self.conditioners.tokens_width is not None

    @property
    def max_boxes(self) -> int:
        """How many boxes it reads of one picture."""
        return 0 if self.layout_encoder is None else self.layout_encoder.settings.boxes

    def remark(self, text: str) -> None:
        """Have something said to those whose work runs now."""
        log.warning("%s: %s", self.checkpoint.id, text)
        self.remarks.append(text)

    def take_remarks(self) -> list[str]:
        """What is to be said to those whose work just ran; it is said once."""
        remarks, self.remarks[:] = list(self.remarks), []
        return remarks

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Shape (1, C, h, w) of the latent of a picture; partial cells are rounded up."""
        factor = self.checkpoint.latent_factor
        return 1, self.checkpoint.latent_channels, -(-height // factor), -(-width // factor)
