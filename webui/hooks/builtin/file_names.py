"""Names pictures by the pattern of the settings; as usual by day, time and seed: 2026-11-21/014405-7-<id>."""

from __future__ import annotations

import re
import time

from webui.contracts.drafts import PictureDraft
from webui.contracts.preferences import fill_in
from webui.hooks.specs import hookimpl

MOST = 60
"""Characters of a text that are kept."""
LONGEST, LONGEST_PART = 380, 180
"""Bytes of a name, and of what stands between two of its slashes."""
WORDS = 8
"""Of a prompt."""


@hookimpl
def picture_file_name(draft: PictureDraft) -> str:
    """What the pattern makes of the picture; its id where that is nothing."""
    parts = [_cut(part) for part in fill_in(draft.pattern, _values(draft)).split("/")]
    name = "/".join(part for part in parts if part)
    return name if 0 < len(name.encode()) <= LONGEST else str(draft.id)


def _values(draft: PictureDraft) -> dict[str, str]:
    request, moment = draft.request, time.localtime(draft.created)
    strength = request.denoising_strength if request.task != "txt2img" else None
    return {
        "date": time.strftime("%Y-%m-%d", moment), "time": time.strftime("%H%M%S", moment),
        "datetime": time.strftime("%Y%m%d%H%M%S", moment), "seed": str(request.seed), "id": str(draft.id),
        "source": _safe(re.sub(r"\.\w{1,5}$", "", request.source_name)),
        "prompt": _safe(request.prompt), "prompt_words": _safe(" ".join(request.prompt.split()[:WORDS])),
        "model_name": _safe(request.model.rsplit("/", 1)[-1]), "sampler": _safe(request.sampler),
        "scheduler": _safe(request.schedule), "steps": str(request.steps), "cfg": f"{request.guidance_scale:g}",
        "denoising": "" if strength is None else f"{strength:g}", "width": str(request.width or ""),
        "height": str(request.height or ""), "batch_number": str(draft.index + 1), "task": request.task,
    }  # fmt: skip


def _cut(part: str) -> str:
    return part.encode()[:LONGEST_PART].decode(errors="ignore").strip("-_ .")


def _safe(text: str) -> str:
    """A text of letters, digits, '-' and '_' alone, shortened."""
    return re.sub(r"[^\w-]+", "-", text).strip("-")[:MOST].rstrip("-")
