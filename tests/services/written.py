"""Picture files that tests write."""

from __future__ import annotations

import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def png_with(**texts: str) -> bytes:
    """A small PNG with text chunks by keyword."""
    info = PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
    return out.getvalue()
