"""What a program may yield: pieces of work for a network, and notes of progress.

A program is a generator that makes one picture. It yields a piece of work whenever it needs a
network and is sent the result; the engine runs equal kinds of work of different jobs together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from webui.engine.adapters.control import Control
from webui.engine.adapters.image_encoder import LoadedImageEncoder
from webui.engine.adapters.lora import Patches, patch_key
from webui.engine.adapters.style_adapter import LoadedStyleAdapter
from webui.engine.adapters.upscaler import LoadedUpscaler
from webui.engine.alterations import UNALTERED, Alterations, Patching
from webui.engine.model import LoadedModel
from webui.engine.placing import Places
from webui.engine.reading import PLAIN, Reading

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class EncodeText:
    """Turn a text into what a network follows; answered by an EncodedText."""

    model: LoadedModel
    text: str
    patches: Patches = ()
    """LoRAs of the text encoder."""
    reading: Reading = PLAIN


@dataclass(frozen=True, eq=False)
class EncodeBoxes:
    """Turn boxes into cross-attention tokens; answered by a tensor (1, L, D), float32."""

    model: LoadedModel
    boxes: Tensor
    """(1, N, 5): class index, left, top, right, bottom in fractions; N may be 0."""


@dataclass(frozen=True, eq=False)
class EncodeImage:
    """Turn pixels into a scaled latent; answered by a tensor (1, C, h, w), float32."""

    model: LoadedModel
    pixels: Tensor
    """(1, 3, H, W) in [-1, 1]."""


@dataclass(frozen=True, eq=False)
class ReadPicture:
    """Look at a picture for an IP-Adapter, or to draw its like; answered by a tensor (2, T, D), as `LoadedImageEncoder.says` has it."""

    model: LoadedModel
    """The job's, which holds the device; the network is its own, or a part of the model."""
    net: LoadedImageEncoder
    pixels: Tensor
    """(1, 3, side, side), as the encoder sees it."""
    patches: bool
    """Whether each patch is told, or the whole."""
    last: bool = False
    """Whether each patch is told by the last layer, as a style adapter needs it."""


@dataclass(eq=False)
class Kept:
    """Where a pass leaves what later ones reuse."""

    features: Tensor | None = None
    """(R, C, h, w): what enters the last layer of the network."""


@dataclass(frozen=True, eq=False)
class Predict:
    """One evaluation of the denoising network; answered by a tensor (R, C, h, w), float32."""

    model: LoadedModel
    x: Tensor
    """(R, C, h, w): the latent, scaled as the network wants it, and what is laid beside it."""
    t: float
    """Timestep on the training scale, the same for all rows; between two steps is allowed."""
    tokens: Tensor | None
    """(R, T, D) cross-attention tokens; None for a network without text."""
    label: float | None = None
    """What the network embeds beside the timestep for all rows, such as a noise level or the scale of a
    distilled guidance; None where it does not."""
    pooled: Tensor | None = None
    """(R, P): each row's text as a whole, where the network embeds it beside the timestep."""
    sizes: Tensor | None = None
    """(R, N): numbers that each row embeds beside the timestep, as SDXL does the picture's sizes."""
    controls: tuple[Control, ...] = ()
    """Controlnets, T2I-Adapters and IP-Adapters that steer this evaluation."""
    patches: Patches = ()
    """LoRAs of the denoising network."""
    alterations: Alterations = UNALTERED
    perturbed: tuple[bool, ...] = ()
    """For each row, whether its self-attention in the middle is perturbed; empty for none."""
    negative: tuple[bool, ...] = ()
    """For each row, whether it is the negative prompt's; empty for none."""
    shows_looks: bool = False
    """Whether the answer has a further channel: how much each cell is looked at (`alterations.Looks`)."""
    merging: float = 0.0
    """Share of tokens that are merged in self-attention."""
    eight_bits: bool = False
    """Whether layers multiply in eight bits (`packed/eight_bits.py`); such a work runs alone."""
    keep: Kept | None = None
    """Where to leave what later steps reuse."""
    reuse: Tensor | None = None
    """Features of an earlier step: only the last layer of the network is computed."""
    places: Places | None = None
    """Whose words rows look at, place by place; such a work runs alone."""
    patchings: tuple[Patching, ...] = ()
    """What extensions change in the network around this evaluation; such a work runs alone."""


@dataclass(frozen=True, eq=False)
class DecodeLatent:
    """Turn a scaled latent into a picture; answered by an array (height, width, 3) of uint8."""

    model: LoadedModel
    latent: Tensor
    """(1, C, h, w)."""
    width: int
    """Pixels; the decoded picture is cropped to this."""
    height: int
    """Pixels; the decoded picture is cropped to this."""
    tiling: bool = False
    """Whether convolutions wrap round at the edges."""


@dataclass(frozen=True, eq=False)
class UpscalePixels:
    """Enlarge pixels by an upscaler network; answered by a tensor (1, 3, H * s, W * s) in [0, 1] on the CPU."""

    model: LoadedModel
    """The job's, which holds the device; the network is its own."""
    net: LoadedUpscaler
    pixels: Tensor
    """(1, 3, H, W) in [0, 1]."""


@dataclass(frozen=True, eq=False)
class StepTaken:
    """A note, answered at once by None: the picture moved on by a denoising step."""

    step: int
    """Steps done, from 1."""
    denoised: Tensor
    """(1, C, h, w), the present guess of the clean latent."""


@dataclass(frozen=True, eq=False)
class EncodedText:
    """What a text became."""

    tokens: Tensor
    """(chunks, L, D) tokens that the network attends to."""
    tail: Tensor | None = None
    """(T, D): tokens of another encoder that follow those of all chunks."""
    pooled: Tensor | None = None
    """(P,): the text as a whole."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(0 if t is None else t.nbytes for t in (self.tokens, self.tail, self.pooled))

    @property
    def chunks(self) -> int:
        """How many rows of the text encoder it takes."""
        return self.tokens.shape[0]

    @property
    def row(self) -> Tensor:
        """(T, D): all tokens in a row."""
        tokens = self.tokens.flatten(0, 1)
        return tokens if self.tail is None else torch.cat((tokens, self.tail))

    def padded(self, empty: EncodedText, chunks: int) -> EncodedText:
        """With so many chunks: those that are missing are of the empty text."""
        missing = chunks - self.chunks
        if not missing:
            return self
        more = empty.tokens[:1].expand(missing, -1, -1)
        return replace(self, tokens=torch.cat((self.tokens, more)))

    def zeroed(self) -> EncodedText:
        """Of the same shapes, all 0."""
        parts = (self.tokens, self.tail, self.pooled)
        zeros = [None if part is None else torch.zeros_like(part) for part in parts]
        return EncodedText(torch.zeros_like(self.tokens), *zeros[1:])


Work = EncodeText | EncodeBoxes | EncodeImage | ReadPicture | Predict | DecodeLatent | UpscalePixels
Pixels = NDArray[np.uint8]

Answer = Tensor | EncodedText | Pixels | Exception
"""What a piece of work is answered by; an exception fails its program only."""
Execute = Callable[[Sequence[Work]], "list[Answer]"]
"""Runs works of one group in one forward pass: an answer each, in their order."""

# The sent values differ by kind of work, which a generator's type cannot say: hence Any.
Task = Generator[Work | StepTaken, Any, Result]
"""A part of a program that returns a Result."""
Program = Generator[Work | StepTaken, Any, Pixels]
"""A whole program: returns its picture, (height, width, 3) of uint8."""
Upscale = Callable[[Pixels, int, int], Pixels | Task[Pixels]]
"""(pixels, width, height) -> larger pixels of about that size; a generator where it wants work done."""
Denoise = Callable[[Tensor, float], Task[Tensor]]
"""(x (1, C, h, w), sigma) -> guess of the clean latent, of the shape of x; for a sampler that wants it,
(2, C, h, w), the unguided guess as second row."""


def rows_of(work: Work) -> int:
    """How many rows of a batch the work takes."""
    return work.x.shape[0] if isinstance(work, Predict) else 1


def group_key(work: Work) -> tuple[object, LoadedModel, object]:
    """Kind, model, and all that must be equal: such works can run in one forward pass.

    Those whose token lengths differ only where `can_join` says so.
    """
    return type(work), work.model, _sameness(work)


def can_join(work: Work, batch: Sequence[Work]) -> bool:
    """Whether a work of their group can run with these: token lengths must divide the longest.

    A prompt of one row of chunks stands beside one of two by being given twice: softmax attention over
    a sequence that is repeated is that over the sequence. Of two and three chunks neither is the other
    repeated; such prompts take turns, as do all of different lengths where text and picture attend jointly.
    What looks by place has tokens of its own for that, and runs alone, as does what an extension patches, and what
    rounds to eight bits: the last bits of a sum depend on a batch's size, and rounding makes them large.
    """
    predicts = [each for each in (*batch, work) if isinstance(each, Predict)]
    if any(each.places is not None or each.patchings or each.eight_bits for each in predicts):
        return False
    lengths = [_token_length(each) for each in (*batch, work)]
    longest = max(lengths)
    if work.model.traits.attends_jointly:
        return min(lengths) == longest
    return longest == 0 or all(longest % length == 0 for length in lengths)


def _token_length(work: Work) -> int:
    """Cross-attention tokens of a row; 0 without text."""
    tokens = work.tokens if isinstance(work, Predict) else None
    return 0 if tokens is None else tokens.shape[1]


def _sameness(work: Work) -> object:
    """Shapes and adapters; holds no weights, for the batcher remembers it."""
    if isinstance(work, Predict):
        # A text that is repeated would outweigh what a style adapter puts behind it.
        styled = any(isinstance(each.net, LoadedStyleAdapter) for each in work.controls)
        tokens = None if work.tokens is None else work.tokens.shape[1 if styled else 2 :]
        controls = tuple(
            (control.net.key, control.hint.shape, control.kind) for control in work.controls
        )
        adapters = controls, patch_key(work.patches)
        altered = (
            work.alterations,
            work.shows_looks,
            work.merging,
            work.eight_bits,
            work.reuse is None,
        )
        told = (
            work.label is None,
            *(None if t is None else t.shape[1:] for t in (work.pooled, work.sizes)),
        )
        return work.x.shape[1:], tokens, told, adapters, altered
    if isinstance(work, DecodeLatent):
        return work.latent.shape[1:], work.tiling
    if isinstance(work, EncodeImage):
        return work.pixels.shape[1:]
    if isinstance(work, UpscalePixels):
        return work.net.key, work.pixels.shape[1:]
    if isinstance(work, ReadPicture):
        return work.net.key, work.pixels.shape, work.patches, work.last
    if isinstance(work, EncodeText):
        return patch_key(work.patches), work.reading.key
    return work.boxes.shape
