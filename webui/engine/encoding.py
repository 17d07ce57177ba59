"""Texts become what a network follows, by the one text encoder of a model or by all that it has."""

from __future__ import annotations

from collections.abc import Sequence

from webui.contracts.errors import JobFailed
from webui.engine.clip import ClipTower
from webui.engine.work import EncodedText, EncodeText


def encode_texts(works: Sequence[EncodeText]) -> list[EncodedText]:
    """What texts become, each run by itself.

    They are cached, and a cached encoding must not depend on the company it was made in.
    """
    return [(work.model.reads or read_by_one)(work) for work in works]


def read_by_one(work: EncodeText) -> EncodedText:
    """What the model's one text encoder says.

    Raises:
        JobFailed: it has none.
    """
    model = work.model
    if model.text_encoder is None or model.tokenize is None or model.frame is None:
        raise JobFailed(f"The model {model.checkpoint.id!r} reads no text. Leave the prompt empty.")
    tokens, _ = ClipTower(model.text_encoder, model.tokenize, model.frame).read(work)
    return EncodedText(tokens)
