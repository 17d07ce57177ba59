"""Stable Diffusion XL and its refiner (Podell et al. 2023), and pruned ones, in the layout of the original code.

The text encoders lie below `conditioner.`; the network embeds a vector beside the timestep. The refiner has the
second text encoder alone.
"""

from __future__ import annotations

from webui.contracts.checkpoint import Task
from webui.contracts.errors import BrokenModel
from webui.weights.ldm_unet import UNET, Shapes, unet_shape
from webui.weights.signatures.facts import Facts, No, WeightsFile
from webui.weights.signatures.prediction import EPSILON, VELOCITY
from webui.weights.signatures.stable_diffusion import FIRST_STAGE, factor_of

FAMILY = "sdxl"
BASE, REFINER = "base", "refiner"
FIRST_TEXT = "conditioner.embedders.0.transformer.text_model."
SECOND_TEXT = {BASE: "conditioner.embedders.1.model.", REFINER: "conditioner.embedders.0.model."}
"""Prefix of OpenCLIP's text encoder."""
TASKS: dict[int, Task] = {0: "text", 5: "inpaint"}
"""By input channels beside the latent's."""
VELOCITY_MARK = "v_pred"
"""A tensor of this name says that the network predicts v, as trainers write it."""


def describe(file: WeightsFile) -> Facts | No:
    """See `facts.Describe`."""
    shapes = file.header.shapes
    variant = next(
        (name for name, prefix in SECOND_TEXT.items() if f"{prefix}text_projection" in shapes), None
    )
    if variant is None:
        return No("it has no text encoder below 'conditioner.'.")
    unet = unet_shape(shapes)
    if unet is None or unet.label_numbers is None or unet.context is None:
        return No(f"it has no network at '{UNET}' that is told a vector beside the timestep.")
    latent = shapes.get(f"{FIRST_STAGE}post_quant_conv.weight", (0, 0))[1]
    task = TASKS.get(unet.in_channels - latent)
    if latent != unet.out_channels or task is None:
        return No(f"its network takes {unet.in_channels} channels, as none of this family.")
    _check_text(shapes, variant, unet.context)
    said = file.said.get("prediction")
    noted = VELOCITY_MARK in shapes or "v_pred" in file.header.metadata.get(
        "modelspec.prediction_type", ""
    )
    return Facts(
        family=FAMILY,
        task=task,
        prediction=VELOCITY if said == VELOCITY or (said is None and noted) else EPSILON,
        latent_channels=latent,
        latent_factor=factor_of(file.header),
        native_size=1024,
        variant=variant,
        vocabulary="clip",
        text_width=unet.context,
    )


def _check_text(shapes: Shapes, variant: str, context: int) -> None:
    """See that the network reads what the text encoders write together."""
    width = shapes[f"{SECOND_TEXT[variant]}text_projection"][0]
    if variant == BASE:
        width += shapes.get(f"{FIRST_TEXT}embeddings.token_embedding.weight", (0, 0))[1]
    if width != context:
        raise BrokenModel(
            f"The denoising network reads tokens of {context} numbers, and the text encoders write {width}. The "
            "file is incomplete or was put together wrongly; download it again."
        )
