"""Names pictures by day, time and seed: 2026-11-21/014405-7-<id>, after what they were made of in a batch."""

from __future__ import annotations

import re
import time

from webui.contracts.drafts import PictureDraft
from webui.hooks.specs import hookimpl

MOST = 60
"""Characters of a source's name that are kept."""


@hookimpl
def picture_file_name(draft: PictureDraft) -> str:
    """One folder a day; the id keeps names apart."""
    moment = time.strftime("%Y-%m-%d/%H%M%S", time.localtime(draft.created))
    if source := _safe(draft.request.source_name):
        moment = f"{moment}-{source}"
    return f"{moment}-{draft.request.seed}-{draft.id}"


def _safe(name: str) -> str:
    """A file's name without its ending, of letters, digits, '-' and '_' alone."""
    stem = re.sub(r"\.\w{1,5}$", "", name)
    return re.sub(r"[^\w-]+", "-", stem).strip("-")[:MOST]
