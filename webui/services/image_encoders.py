"""Which image encoder tells an IP-Adapter of pictures, and what to do where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import FieldProblem
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog

FOLDER = "models/image_encoders/"
_PUBLISHED: Mapping[tuple[int, int], str] = {
    (1024, 0): "CLIP ViT-H/14: the folder models/image_encoder of h94/IP-Adapter",
    (0, 1280): "CLIP ViT-H/14: the folder models/image_encoder of h94/IP-Adapter",
    (1280, 0): "CLIP ViT-bigG/14: the folder sdxl_models/image_encoder of h94/IP-Adapter",
    (0, 1664): "CLIP ViT-bigG/14: the folder sdxl_models/image_encoder of h94/IP-Adapter",
    (768, 0): "CLIP ViT-L/14: openai/clip-vit-large-patch14",
    (0, 1024): "CLIP ViT-L/14: openai/clip-vit-large-patch14",
}  # fmt: skip
"""Widths of what an IP-Adapter is told of the whole and of patches, and who says such."""


def image_encoder_for(info: AdapterInfo, catalog: Catalog) -> AdapterInfo | None:
    """The image encoder that an IP-Adapter or style adapter needs; None where it is not installed, or of what needs none."""
    if not info.needs_encoder:
        return None
    return next((e for e in catalog.adapters("image_encoder") if info.is_told_by(e)), None)


def missing_encoders(request: GenerationRequest, catalog: Catalog) -> Iterator[FieldProblem]:
    """IP-Adapters and style adapters whose image encoder is not installed."""
    named = {use.adapter for use in request.controls}
    for info in catalog.adapters("controlnet"):
        if info.id in named and info.needs_encoder and image_encoder_for(info, catalog) is None:
            what = "an IP-Adapter" if info.is_ip_adapter else "a style adapter"
            yield FieldProblem(
                "controls",
                f"{str(info.id)!r}, {what} without its image encoder",
                f"{_wanted(info)} to be put into {FOLDER}, with its config.json (the models tab installs it)",
            )


def _wanted(info: AdapterInfo) -> str:
    widths = info.pooled_width, info.patch_width
    if widths in _PUBLISHED:
        return _PUBLISHED[widths]
    of = "a whole picture" if info.pooled_width else "each patch of a picture"
    return f"an image encoder of CLIP that says {max(widths)} numbers of {of}"
