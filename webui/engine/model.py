"""A checkpoint in memory, in the one shape that programs and the engine know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import TEXT
from webui.engine.adapters.merging import MergedWeights
from webui.engine.conditioners import STABLE_DIFFUSION, Conditioners
from webui.engine.denoisers import NoiseLevels
from webui.engine.first_stage import FirstStage
from webui.engine.layout_encoder import ReadsBoxes
from webui.engine.packed.mapping import Mapped, in_use
from webui.engine.previews import Projection
from webui.engine.small_picture import SmallPictureNoise
from webui.engine.variations import Variations
from webui.prompt.tokens import TokenFrame

if TYPE_CHECKING:  # they import this file
    from webui.engine.acceleration import Accelerated
    from webui.engine.stage import Apart
    from webui.engine.work import EncodedText, EncodeText

log = logging.getLogger(__name__)


class TextReader(Protocol):
    """How a model of several text encoders reads a text."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Its text encoders, as LoRAs call them."""
        ...

    def __call__(self, work: EncodeText) -> EncodedText:
        """What the work's text becomes."""
        ...


@dataclass(frozen=True)
class Traits:
    """What sets the networks of a family apart from those of Stable Diffusion 1."""

    size_numbers: int = 0
    """Numbers about the picture that a row is told: 6 for SDXL, 5 for its refiner (`programs/sizes.py`)."""
    zeroes_empty_negative: bool = False
    """Whether an empty negative prompt is all 0 in place of an encoding of no words."""
    attends_jointly: bool = False
    """Whether text and picture attend to one another as one sequence, where a repeated text counts twice."""
    takes_guidance: bool = False
    """Whether the network was distilled from guided predictions and is told the scale."""
    shift_at: Callable[[int], float] | None = None
    """Shift of a flow by the cells of its latent; None where it is the same for all sizes."""
    small_noise: SmallPictureNoise | None = None
    """What noise the small picture beside the latent was taught with, where that is not plainly added."""
    lacks: str = ""
    """A sentence on what the model draws without; empty where all of it is there."""


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
    projection: Projection
    """Of latents to small pictures."""
    layout_encoder: ReadsBoxes | None = None
    """Turns boxes into tokens; None for a model that takes none."""
    variations: Variations | None = None
    """How it is told of the picture that it draws the like of; None for a model that is told of none."""
    conditioners: Conditioners = STABLE_DIFFUSION
    """What it follows beside or instead of text."""
    merged: MergedWeights = field(default_factory=MergedWeights)
    """What LoRAs have changed in the networks at present."""
    networks: tuple[nn.Module, ...] = ()
    """Its parts, which other models may have too; empty where it was not read from files."""
    apart: Apart | None = None
    """How its networks share the device's memory, where it holds them in turn alone."""
    files: Mapped = ()
    """Mapped files that some of its weights lie in, as long as they do."""
    fast: Accelerated | None = None
    """Calls the denoising network faster, where the worker was asked to; None calls it plainly."""
    reads: TextReader | None = None
    """How texts are encoded; None encodes them by `text_encoder` alone."""
    traits: Traits = Traits()
    remarks: list[str] = field(default_factory=list)
    """Sentences for those whose work just ran."""

    @property
    def is_stale(self) -> bool:
        """Whether a file that weights of it lie in was written to since it was mapped."""
        return any(file.is_changed for file in in_use(self.files))

    def check_files(self) -> None:
        """Nothing where all its weights are those that it was loaded with.

        Raises:
            FileChanged: a file that some of them lie in was written to.
        """
        for file in in_use(self.files):
            file.check()

    @property
    def preview(self) -> Tensor:
        """(C + 1, 3) on the CPU: latent channels and a bias to RGB in [-1, 1]; made when it is first asked for."""
        return self.projection.matrix

    @property
    def takes_label(self) -> bool:
        """Whether the denoising network embeds a label beside the timestep."""
        return getattr(self.unet, "class_embedding", None) is not None

    @property
    def reads_text(self) -> bool:
        """Whether a prompt tells it anything."""
        return self.text_encoder is not None or self.reads is not None

    @property
    def text_parts(self) -> tuple[str, ...]:
        """Its text encoders, as LoRAs call them."""
        if self.reads is not None:
            return self.reads.parts
        return () if self.text_encoder is None else (TEXT,)

    @property
    def can_be_guided(self) -> bool:
        """Whether there is anything to guide a picture away from."""
        classes, own = self.conditioners.classes, self.checkpoint.classes
        if classes is not None:
            return len(classes) > len(own)
        told = self.reads_text or self.layout_encoder is not None
        return told or self.conditioners.tokens_width is not None

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

    def levels_at(self, width: int, height: int) -> NoiseLevels:
        """Noise levels for a picture of this size."""
        if self.traits.shift_at is None:
            return self.levels
        _, _, rows, columns = self.latent_shape(width, height)
        return NoiseLevels.of_flow(self.traits.shift_at(rows * columns))

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Shape (1, C, h, w) of the latent of a picture; partial cells are rounded up."""
        factor = self.checkpoint.latent_factor
        return 1, self.checkpoint.latent_channels, -(-height // factor), -(-width // factor)
