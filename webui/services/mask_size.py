"""Whether a mask belongs to its picture, by their sizes."""

from __future__ import annotations

from webui.contracts.errors import FieldProblem, InvalidField
from webui.contracts.request import GenerationRequest
from webui.services.images import ImageStore


def check_mask_size(request: GenerationRequest, images: ImageStore) -> None:
    """Refuse a mask of another size than its picture: which pixel it marks would be a guess.

    Where AUTOMATIC1111's clients ask, or one mask is for a whole folder, this is not called: there masks are fitted as
    pictures are, and a note says so where the shapes differ.

    Raises:
        InvalidField: names both sizes.
        NotFound: an image is unknown.
    """
    if request.mask is None or request.image is None:
        return
    mask, image = images.size(request.mask), images.size(request.image)
    if mask != image:
        has = f"{mask[0]} x {mask[1]} pixels for an image of {image[0]} x {image[1]}"
        expected = "a mask of the image's size, each pixel of which marks one of the image's"
        raise InvalidField([FieldProblem("mask", has, expected)])
