"""Classifier-free guidance (Ho & Salimans 2022): how rows of conditioning become one prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.adapters.controlnet import Control
from webui.engine.adapters.lora import TEXT, Patches
from webui.engine.model import LoadedModel
from webui.engine.tiles import Window
from webui.engine.work import EncodeText, Predict, Task

Denoise = Callable[[Tensor, float], Task[Tensor]]
"""(x (1, C, h, w), sigma) -> guess of the clean latent, of the shape of x."""


@dataclass(frozen=True, eq=False)
class Steering:
    """A controlnet, and the noise levels between which it steers."""

    control: Control
    highest: float
    lowest: float

    def crop(self, window: Window) -> Steering:
        """The same for a part of the latent."""
        hint = window.of(self.control.hint, self.control.net.factor)
        return replace(self, control=replace(self.control, hint=hint))


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What the rows of a prediction follow."""

    tokens: Tensor | None
    """(2, T, D): prompt, negative prompt; (1, T, D) without guidance; None without text."""
    planes: Tensor | None = None
    """(1, K, h, w), laid beside the latent as further channels; the same for all rows."""
    label: float | None = None
    """What the network embeds beside the timestep."""
    controls: tuple[Steering, ...] = ()
    patches: Patches = ()

    @property
    def rows(self) -> int:
        """Rows of a prediction."""
        return 1 if self.tokens is None else self.tokens.shape[0]

    def controls_at(self, sigma: float) -> tuple[Control, ...]:
        """The controlnets that steer at a noise level."""
        return tuple(s.control for s in self.controls if s.lowest <= sigma <= s.highest)

    def crop(self, window: Window) -> Conditioning:
        """The same for a part of the latent."""
        planes = None if self.planes is None else window.of(self.planes)
        return replace(self, planes=planes, controls=tuple(s.crop(window) for s in self.controls))


def encode_prompts(
    model: LoadedModel, texts: tuple[str, str], scale: float, patches: Patches = ()
) -> Task[Tensor]:
    """Encode (prompt, negative prompt) to the tokens (R, T, D) of the rows that the scale needs.

    The shorter text is padded by chunks of the empty text.
    """
    patches = tuple((lora, weight) for lora, weight in patches if lora.reads(TEXT))
    positive: Tensor = yield EncodeText(model, texts[0], patches)
    if scale == 1:
        return positive.flatten(0, 1)[None]
    negative: Tensor = yield EncodeText(model, texts[1], patches)
    if positive.shape[0] != negative.shape[0]:
        empty: Tensor = yield EncodeText(model, "", patches)
        chunks = max(positive.shape[0], negative.shape[0])
        positive, negative = (_padded(tokens, empty, chunks) for tokens in (positive, negative))
    return torch.stack((positive.flatten(0, 1), negative.flatten(0, 1)))


def guided(model: LoadedModel, conditioning: Conditioning, scale: float) -> Denoise:
    """A denoiser that weighs prompt against negative prompt; one row and no weighing at scale 1."""
    levels, rows = model.levels, conditioning.rows

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        inputs = levels.scale_input(x, sigma)
        if conditioning.planes is not None:
            inputs = torch.cat((inputs, conditioning.planes), 1)
        output: Tensor = yield Predict(
            model=model,
            x=inputs.expand(rows, -1, -1, -1),
            t=levels.timestep(sigma),
            tokens=conditioning.tokens,
            label=conditioning.label,
            controls=conditioning.controls_at(sigma),
            patches=conditioning.patches,
        )
        if rows == 2:
            positive, negative = output.chunk(2)
            output = torch.lerp(negative, positive, scale)
        return levels.denoised(x, sigma, output)

    return denoise


def _padded(tokens: Tensor, empty: Tensor, chunks: int) -> Tensor:
    missing = chunks - tokens.shape[0]
    return torch.cat((tokens, empty.expand(missing, -1, -1))) if missing else tokens
