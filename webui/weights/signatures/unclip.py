"""Stable Diffusion 2.1's image variations (unCLIP) in single files: what they have beside Stable Diffusion 2.

Their network embeds a vector beside the timestep: what CLIP says of a picture, and how much noise that was given.
"""

from __future__ import annotations

import math
from pathlib import Path

from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.weights.ldm_unet import Shapes, UnetShape
from webui.weights.read import read_weights

IMAGE_ENCODER = "embedder.model.visual."
"""Prefix of OpenCLIP's image encoder."""
PROJECTION = f"{IMAGE_ENCODER}proj"
WITH_STATISTICS = 768
"""Numbers that CLIP's ViT-L says of a picture: those are normalised by a file of statistics that no weights hold."""
STATISTICS = "image_normalizer"
"""The part that holds mean and spread of what the image encoder says."""
STATISTICS_FILE, STATISTICS_FOLDER = "ViT-L-14_stats.th", "karlo_models"
"""How it is called, and the folder in which the original code looks for it."""
_FOLDERS_UP = 4


def check_image_encoder(shapes: Shapes, network: UnetShape) -> None:
    """See that the network is told what the image encoder beside it says.

    Raises:
        NotAModel: it has no image encoder.
        BrokenModel: the two do not fit.
    """
    told = (network.label_numbers or 0) // 2
    if PROJECTION not in shapes:
        raise NotAModel(
            "It is told a vector beside the timestep, as Stable Diffusion 2.1 unCLIP is of a picture, and has no image "
            f"encoder ({PROJECTION!r}) that says it. Take a file that holds one, such as sd21-unclip-h."
        )
    if shapes[PROJECTION][-1:] != (told,):
        raise BrokenModel(
            f"The denoising network is told {told} numbers of a picture, and the image encoder's last weight is "
            f"{shapes[PROJECTION]}. The file is incomplete or was put together wrongly; download it again."
        )


def find_statistics(file: Path, network: UnetShape) -> tuple[tuple[str, str], ...]:
    """The part that the version for CLIP's ViT-L needs beside itself; none of the version for ViT-H.

    Raises:
        LacksFile: it is not there.
        BrokenModel: what lies there is another file.
    """
    if (network.label_numbers or 0) // 2 != WITH_STATISTICS:
        return ()
    above = [file.parent, *file.parent.parents][:_FOLDERS_UP]
    places = [file.parent / STATISTICS_FILE, *(up / STATISTICS_FOLDER / STATISTICS_FILE for up in above)]  # fmt: skip
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise LacksFile(
            "It is Stable Diffusion 2.1 unCLIP for CLIP's ViT-L, which needs mean and spread of what that encoder says. "
            f"No single file holds them: put {STATISTICS_FILE} (of Karlo, which it was made with) beside it, or take the "
            "diffusers folder (stabilityai/stable-diffusion-2-1-unclip-small).",
            [str(place) for place in places],
        )
    shapes = list(read_weights(found).shapes.values())
    if [math.prod(shape) for shape in shapes] != [WITH_STATISTICS] * 2:
        raise BrokenModel(
            f"{str(found)!r} holds tensors of {shapes[:4]}; a mean and a spread of {WITH_STATISTICS} numbers each were "
            "expected. Download it again."
        )
    return ((STATISTICS, str(found)),)
