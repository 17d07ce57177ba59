"""Names pictures by day, time and seed: 2026-11-21/014405-7-<id>."""

from __future__ import annotations

import time

from webui.contracts.drafts import PictureDraft
from webui.hooks.specs import hookimpl


@hookimpl
def picture_file_name(draft: PictureDraft) -> str:
    """One folder a day; the id keeps names apart."""
    moment = time.strftime("%Y-%m-%d/%H%M%S", time.localtime(draft.created))
    return f"{moment}-{draft.request.seed}-{draft.id}"
