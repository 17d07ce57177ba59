"""Stable Diffusion 2.1's image variations (unCLIP) in single files: what they have beside Stable Diffusion 2.

Their network embeds a vector beside the timestep: what CLIP says of a picture, and how much noise that was given.
"""

from __future__ import annotations

from webui.contracts.errors import BrokenModel, NotAModel
from webui.weights.ldm_unet import Shapes, UnetShape

IMAGE_ENCODER = "embedder.model.visual."
"""Prefix of OpenCLIP's image encoder."""
PROJECTION = f"{IMAGE_ENCODER}proj"
WITH_STATISTICS = 768
"""Numbers that CLIP's ViT-L says of a picture: those are normalised by a file of statistics that no weights hold."""


def check_image_encoder(shapes: Shapes, network: UnetShape) -> None:
    """See that the network is told what the image encoder beside it says.

    Raises:
        NotAModel: it is the version for CLIP's ViT-L, or has no image encoder.
        BrokenModel: the two do not fit.
    """
    told = (network.label_numbers or 0) // 2
    if told == WITH_STATISTICS:
        raise NotAModel(
            "It is Stable Diffusion 2.1 unCLIP for CLIP's ViT-L, which needs statistics of that encoder "
            "(ViT-L-14_stats.th) that single files do not hold. Take its diffusers folder "
            "(stabilityai/stable-diffusion-2-1-unclip-small), or sd21-unclip-h."
        )
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
