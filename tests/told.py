"""What a `parameters` text tells, as tests compare it."""

from __future__ import annotations

from webui.contracts.infotext_reading import read_infotext
from webui.contracts.request import GenerationRequest


def told_request(text: str) -> GenerationRequest | None:
    """The request alone; None when the text holds neither a prompt nor parameters."""
    told = read_infotext(text)
    return None if told is None else told.request
