"""Classifier-free guidance (Ho & Salimans 2022): how rows of conditioning become one prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.model import LoadedModel
from webui.engine.work import EncodeText, Predict, Task

Denoise = Callable[[Tensor, float], Task[Tensor]]
"""(x (1, C, h, w), sigma) -> guess of the clean latent, of the shape of x."""


@dataclass(frozen=True, eq=False)
class Conditioning:
    """Cross-attention tokens of the rows of a prediction."""

    tokens: Tensor
    """(2, T, D): prompt, negative prompt; (1, T, D) without guidance."""


def encode_prompts(
    model: LoadedModel, prompt: str, negative_prompt: str, scale: float
) -> Task[Conditioning]:
    """Encode what the rows need; the shorter text is padded by chunks of the empty text."""
    positive: Tensor = yield EncodeText(model, prompt)
    if scale == 1:
        return Conditioning(positive.flatten(0, 1)[None])
    negative: Tensor = yield EncodeText(model, negative_prompt)
    if positive.shape[0] != negative.shape[0]:
        empty: Tensor = yield EncodeText(model, "")
        chunks = max(positive.shape[0], negative.shape[0])
        positive, negative = (_padded(tokens, empty, chunks) for tokens in (positive, negative))
    return Conditioning(torch.stack((positive.flatten(0, 1), negative.flatten(0, 1))))


def guided(model: LoadedModel, conditioning: Conditioning, scale: float) -> Denoise:
    """A denoiser that weighs prompt against negative prompt; one row and no weighing at scale 1."""
    tokens, levels = conditioning.tokens, model.levels
    rows = tokens.shape[0]

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        scaled = levels.scale_input(x, sigma).expand(rows, -1, -1, -1)
        output: Tensor = yield Predict(model, scaled, levels.timestep(sigma), tokens)
        if rows == 2:
            positive, negative = output.chunk(2)
            output = torch.lerp(negative, positive, scale)
        return levels.denoised(x, sigma, output)

    return denoise


def _padded(tokens: Tensor, empty: Tensor, chunks: int) -> Tensor:
    missing = chunks - tokens.shape[0]
    return torch.cat((tokens, empty.expand(missing, -1, -1))) if missing else tokens
