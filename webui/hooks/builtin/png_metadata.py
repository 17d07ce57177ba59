"""Writes into each picture how it was made: for other programs, and exactly, for ourselves."""

from __future__ import annotations

import json

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.infotext import KEYS, write_infotext
from webui.hooks.specs import hookimpl


@hookimpl
def picture_metadata(draft: PictureDraft) -> tuple[TextChunk, ...]:
    """`parameters` in AUTOMATIC1111's grammar, and the whole request as JSON under `easel`; further keys in both."""
    request = draft.request
    parameters = write_infotext(
        request, request.seed, request.model, draft.hashes, draft.precision, draft.keys
    )
    exact = request.model_dump(mode="json") | ({KEYS: dict(draft.keys)} if draft.keys else {})
    return (
        TextChunk("parameters", parameters),
        TextChunk("easel", json.dumps(exact, ensure_ascii=False, separators=(",", ":"))),
    )
