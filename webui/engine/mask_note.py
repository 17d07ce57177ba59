"""Of a mask that has not the picture's shape, in a sentence."""

from __future__ import annotations

from PIL import Image, UnidentifiedImageError

from webui.contracts.messages import RunJob


def mask_note(command: RunJob) -> str | None:
    """A sentence where mask and picture differ in shape, so that white is not where it was marked.

    A mask of another size but the same shape is merely enlarged.
    """
    request = command.request
    mask, picture = (
        _size(command.images.get(name or "")) for name in (request.mask, request.image)
    )
    if mask is None or picture is None or _are_alike(mask, picture):
        return None
    return (
        f"The mask has {mask[0]} x {mask[1]} pixels and the picture {picture[0]} x {picture[1]}, another shape: what is "
        "white was moved as the mask was fitted. Give a mask of the picture's size."
    )


def _size(file: str | None) -> tuple[int, int] | None:
    """From the file's header; None without one, and of one that cannot be read, which whoever draws says."""
    if file is None:
        return None
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, UnidentifiedImageError):
        return None


def _are_alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether their shapes are the same, but for a pixel of rounding."""
    return abs(one[1] * other[0] / one[0] - other[1]) <= max(1.0, other[0] / one[0])
