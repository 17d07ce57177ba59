"""Texts become cross-attention tokens: rows of tokens, embeddings put in, weights laid on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from webui.contracts.errors import BadRequest, JobFailed
from webui.contracts.lora_keys import TEXT
from webui.engine.adapters.embedding import Placeholders, check_width
from webui.engine.work import EncodeText
from webui.prompt.tokens import MAX_CHUNKS, TokenChunks, chunk_prompt

log = logging.getLogger(__name__)

SILENT = 5e-4
"""A mean this small against the root mean square says nothing of a row's size."""


def encode_texts(works: Sequence[EncodeText]) -> list[Tensor]:
    """Cross-attention tokens of texts, each run by itself.

    They are cached, and a cached encoding must not depend on the company it was made in.
    """
    return [_encode_text(work) for work in works]


def _encode_text(work: EncodeText) -> Tensor:
    model, reading = work.model, work.reading
    if model.text_encoder is None or model.tokenize is None or model.frame is None:
        raise JobFailed(f"The model {model.checkpoint.id!r} reads no text. Leave the prompt empty.")
    check_width(reading.embeddings, model.text_encoder, model.checkpoint.id)
    model.merged.use(TEXT, model.text_encoder, work.patches)
    places = Placeholders(reading.embeddings)
    blocks = {name: places.ids(name) for name in places.names}
    chunks = chunk_prompt(
        work.text, model.tokenize, model.frame, MAX_CHUNKS, reading.emphasis, blocks
    )
    if chunks.cut:
        log.warning(
            "A text of %d tokens is too long: the last %d are cut.", chunks.count, chunks.cut
        )
    ids = torch.tensor(chunks.rows, device=model.device)  # (chunks, L)
    with places.put_into(model.text_encoder, ids) as known:
        encoded = _hidden(model.text_encoder, known, reading.clip_skip)  # (chunks, L, D)
    return emphasised(encoded.float(), chunks, keep_mean=reading.emphasis != "No norm")


# Any: transformers' encoders are typed loosely.
def _hidden(encoder: Any, known: Tensor, skip: int) -> Tensor:
    """What the layer `skip` from the end says, normalised as the last is.

    Raises:
        BadRequest: there are not so many layers.
    """
    if skip == 1:
        last: Tensor = encoder(known).last_hidden_state
        return last
    layers = int(encoder.config.num_hidden_layers)
    if skip > layers:
        raise BadRequest(
            f"clip_skip is {skip}, and the model's text encoder has {layers} layers; expected at most "
            f"{layers}."
        )
    states = encoder(known, output_hidden_states=True).hidden_states
    text = getattr(encoder, "text_model", encoder)
    normalised: Tensor = text.final_layer_norm(states[-skip])
    return normalised


def emphasised(encoded: Tensor, chunks: TokenChunks, *, keep_mean: bool = True) -> Tensor:
    """Encodings (chunks, L, D), each place times its weight.

    AUTOMATIC1111's emphasis 'Original' (z * w * mean(z) / mean(z * w), of each row by itself) keeps the
    mean, and 'No norm' (z * w) does not. Where a row's mean is all but 0 it is left alone.
    """
    if chunks.is_plain:
        return encoded
    weights = torch.tensor(chunks.weights, device=encoded.device)[..., None]  # (chunks, L, 1)
    weighed = encoded * weights
    if not keep_mean:
        return weighed
    before, after = (z.mean((1, 2), keepdim=True) for z in (encoded, weighed))
    size = weighed.square().mean((1, 2), keepdim=True).sqrt()
    telling = (after.abs() > SILENT * size) & (before.abs() > SILENT * size)
    return weighed * torch.where(telling, before / after, torch.ones_like(before))
