"""Running pieces of work of one group in one forward pass.

Each function takes works of equal `group_key` and returns their results in the same order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from webui.contracts.errors import JobFailed
from webui.engine.first_stage import decode_latents, encode_pixels
from webui.engine.model import LoadedModel
from webui.engine.pixels import to_pixels
from webui.engine.work import DecodeLatent, EncodeImage, EncodeText, Pixels, Predict, Work
from webui.prompt.tokens import chunk_tokens

log = logging.getLogger(__name__)

Answer = Tensor | Pixels | Exception
"""What a piece of work is answered by; an exception fails its program only."""


@torch.inference_mode()
def execute(works: Sequence[Work]) -> list[Answer]:
    """Run works of one group; one answer each."""
    predicts = [work for work in works if isinstance(work, Predict)]
    if predicts:
        return [*predict(predicts)]
    decodes = [work for work in works if isinstance(work, DecodeLatent)]
    if decodes:
        return decode(decodes)
    images = [work for work in works if isinstance(work, EncodeImage)]
    if images:
        return [*encode_images(images)]
    return [*encode_texts([work for work in works if isinstance(work, EncodeText)])]


def predict(works: Sequence[Predict]) -> list[Tensor]:
    """One evaluation of the denoising network for the rows of all works."""
    model = works[0].model
    x = _joined([work.x for work in works])  # (R, C, h, w)
    tokens = _joined([work.tokens for work in works])  # (R, T, D)
    t = [work.t for work in works for _ in range(work.x.shape[0])]
    output = model.unet(
        x.to(model.dtype, memory_format=torch.channels_last),
        torch.tensor(t, dtype=torch.float32, device=model.device),
        tokens.to(model.dtype),
        return_dict=False,
    )[0]
    # Back to the layout of x, so that a lone row's arithmetic is that of a row in a crowd.
    output = output.to(torch.float32, memory_format=torch.contiguous_format)
    return list(torch.split(output, [work.x.shape[0] for work in works]))


def decode(works: Sequence[DecodeLatent]) -> list[Answer]:
    """Pictures of latents; a picture that is not a number anywhere fails its program."""
    model = works[0].model
    latents = _joined([work.latent for work in works])  # (N, C, h, w)
    pictures = decode_latents(model.vae, latents / model.latent_scale + model.latent_shift)
    finite = pictures.isfinite().flatten(1).all(1).tolist()
    return [
        to_pixels(picture, work.width, work.height) if good else JobFailed(_not_finite(model))
        for picture, work, good in zip(pictures, works, finite, strict=True)
    ]


def encode_images(works: Sequence[EncodeImage]) -> list[Tensor]:
    """Scaled latents of pictures."""
    model = works[0].model
    pixels = _joined([work.pixels for work in works])
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    latents = (encode_pixels(model.vae, pixels) - model.latent_shift) * model.latent_scale
    return list(torch.split(latents.to(torch.float32, memory_format=torch.contiguous_format), 1))


def encode_texts(works: Sequence[EncodeText]) -> list[Tensor]:
    """Cross-attention tokens of texts, each run by itself.

    They are cached, and a cached encoding must not depend on the company it was made in.
    """
    return [_encode_text(work.model, work.text) for work in works]


def _encode_text(model: LoadedModel, text: str) -> Tensor:
    chunks = chunk_tokens(model.tokenize(text), model.frame)
    if chunks.cut:
        kept = len(chunks.rows) * model.frame.content
        log.warning("A text is too long: %d tokens are used, %d cut.", kept, chunks.cut)
    ids = torch.tensor(chunks.rows, device=model.device)  # (chunks, L)
    encoded: Tensor = model.text_encoder(ids).last_hidden_state  # (chunks, L, D)
    return encoded.float()


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat([*parts])


def _not_finite(model: LoadedModel) -> str:
    return (
        f"The model {model.checkpoint.id!r} produced values that are no numbers in {model.dtype}, "
        "where a picture was expected. Try another sampler, a lower guidance scale, or --cpu."
    )
