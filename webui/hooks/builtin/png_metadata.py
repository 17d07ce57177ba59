"""Writes into each picture how it was made: for other programs, and exactly, for ourselves."""

from __future__ import annotations

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.infotext import write_infotext
from webui.hooks.specs import hookimpl


@hookimpl
def picture_metadata(draft: PictureDraft) -> tuple[TextChunk, ...]:
    """`parameters` in AUTOMATIC1111's grammar, and the whole request as JSON under `easel`."""
    request = draft.request
    parameters = write_infotext(request, request.seed, request.model, draft.hashes, draft.precision)
    return (
        TextChunk("parameters", parameters),
        TextChunk("easel", request.model_dump_json()),
    )
