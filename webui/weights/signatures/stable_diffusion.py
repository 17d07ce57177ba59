"""Stable Diffusion 1 and 2 and their variants, in the layout of the original code.

Which variant a file is shows in the input channels of its denoising network, in the text encoder's layout
(CLIP's names in 1, OpenCLIP's in 2) and in what is embedded beside the timestep.
"""

from __future__ import annotations

from dataclasses import dataclass

from webui.contracts.checkpoint import X4_DEFAULTS, Task
from webui.contracts.errors import BrokenModel
from webui.weights.header import WeightsHeader
from webui.weights.ldm_unet import UNET, UnetShape, unet_shape
from webui.weights.signatures.facts import Facts, No, WeightsFile
from webui.weights.signatures.prediction import EPSILON, VELOCITY, find_prediction
from webui.weights.signatures.unclip import check_image_encoder, find_statistics

FAMILY = "sd1"
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."
FIRST_STAGE = "first_stage_model."


@dataclass(frozen=True)
class Variant:
    """A published shape."""

    name: str
    task: Task
    extra: int
    """Input channels beside the latent's."""
    text: str
    """Prefix of the text encoder."""
    native_size: int = 512
    defaults: tuple[tuple[str, str | int | float], ...] = ()
    """Fields of a request that suit it."""

    def fits(self, text: str, extra: int, varies: bool) -> bool:
        """Whether a file is one, by its text encoder, its channels and whether it is told of a picture as a whole."""
        return (text, extra, varies) == (self.text, self.extra, self.task == "variation")


VARIANTS = (
    Variant("1.x", "text", 0, CLIP),
    Variant("1.x", "inpaint", 5, CLIP),
    Variant("1.x", "edit", 4, CLIP),
    Variant("2.x", "text", 0, OPEN_CLIP),
    Variant("2.x", "inpaint", 5, OPEN_CLIP),
    Variant("2.x", "depth", 1, OPEN_CLIP),
    Variant("unclip", "variation", 0, OPEN_CLIP, native_size=768),
    Variant("x4", "upscale", 3, OPEN_CLIP, defaults=X4_DEFAULTS),
)


def describe(file: WeightsFile) -> Facts | No:
    """See `facts.Describe`."""
    shapes = file.header.shapes
    unet = unet_shape(shapes)
    if unet is None:
        return No(f"it has no '{UNET}input_blocks.0.0.weight'.")
    text = next((t for t in (CLIP, OPEN_CLIP) if any(n.startswith(t) for n in shapes)), None)
    if unet.context is None or text is None:
        return No("it has no text encoder of CLIP.")
    latent = shapes.get(f"{FIRST_STAGE}post_quant_conv.weight", (0, 0))[1]
    if latent != unet.out_channels:
        return No(
            f"its network draws {unet.out_channels} channels, its first stage reads {latent}."
        )
    extra = unet.in_channels - latent
    varies = unet.label_numbers is not None
    variant = next((v for v in VARIANTS if v.fits(text, extra, varies)), None)
    if variant is None:
        told = " and a vector beside the timestep" if varies else ""
        return No(f"its network takes {unet.in_channels} channels{told}, as none of this family.")
    _check_text_width(file.header, unet, text)
    if varies:
        check_image_encoder(shapes, unet)
    usual = VELOCITY if variant.task in ("upscale", "variation") else EPSILON
    prediction = find_prediction(file, usual, measured=text == OPEN_CLIP and not varies)
    return Facts(
        family=FAMILY,
        task=variant.task,
        prediction=prediction,
        latent_channels=latent,
        latent_factor=factor_of(file.header),
        native_size=_native_size(variant, prediction),
        variant=variant.name,
        vocabulary="clip",
        defaults=variant.defaults,
        text_width=unet.context,
        parts=find_statistics(file.path, unet) if varies else (),
    )


def _check_text_width(header: WeightsHeader, unet: UnetShape, text: str) -> None:
    """See that the network reads what the text encoder writes."""
    table = "embeddings.token_embedding.weight" if text == CLIP else "token_embedding.weight"
    names = (f"{text}text_model.{table}", f"{text}{table}")
    shape = next((s for name in names if (s := header.shape(name)) is not None), None)
    if shape is None or shape[-1:] != (unet.context,):
        raise BrokenModel(
            f"The denoising network reads tokens of {unet.context} numbers, and the text encoder's table of "
            f"words is {shape}. The file is incomplete or was put together wrongly; download it again."
        )


def factor_of(header: WeightsHeader, prefix: str = FIRST_STAGE) -> int:
    """Pixels per latent cell: the first stage halves the picture between levels."""
    level = 0
    while header.shape(f"{prefix}encoder.down.{level}.block.0.norm1.weight") is not None:
        level += 1
    if level == 0:
        raise BrokenModel("The first stage (VAE) has no encoder. Download the model again.")
    return int(2 ** (level - 1))


def _native_size(variant: Variant, prediction: str) -> int:
    """Those that predict v were trained at 768 pixels."""
    wide = variant.name == "2.x" and prediction != EPSILON and variant.task == "text"
    return 768 if wide else variant.native_size
