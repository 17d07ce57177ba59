"""What of a prompt is read by the text encoder: no comments, no extra networks."""

from __future__ import annotations

from webui.prompt.comments import without_comments
from webui.prompt.networks import without_networks


def read_text(prompt: str) -> str:
    """The prompt as the grammar of weights and schedules is to see it.

    A prompt with neither comments nor networks is given back as it is.
    """
    return without_networks(without_comments(prompt))
