"""Stable Diffusion 3 and FLUX with all parts in one file.

A transformer alone, or with a first stage and no text encoders, is no such file: it is drawn with together with a
folder (`weights/bare.py`).
"""

from __future__ import annotations

from webui.contracts.checkpoint import FLUX_DEFAULTS, SD3_DEFAULTS
from webui.contracts.errors import BrokenModel, LacksFile
from webui.weights.flow_files import (
    CLIP_G,
    CLIP_L,
    CLIP_WORDS,
    FIRST_LATENT,
    T5,
    T5_FOLDER,
    T5_WORDS,
    TOKENIZER,
    find_t5_tokenizer,
    first_stage_of,
    t5_places,
    whole_family,
)
from webui.weights.ldm_unet import UNET, Shapes
from webui.weights.signatures.distilled import distilled_defaults
from webui.weights.signatures.facts import Facts, No, WeightsFile
from webui.weights.signatures.stable_diffusion import factor_of

DEV, SCHNELL = "dev", "schnell"
"""Variants of FLUX: told its guidance, or not."""
TOKENIZERS = {"sd3": "tokenizer_3", "flux": "tokenizer_2"}
"""The part that has T5's tokenizer."""
WITHOUT_TOKENIZER = "place of tokenizer_3"
"""A part where the tokenizer is to be put; the file's T5 is not read until it is there."""
_GUIDANCE = "guidance_in.in_layer.weight"
_TAKES = {"sd3": "x_embedder.proj.weight", "flux": "img_in.weight"}
_READS = {"sd3": "context_embedder.weight", "flux": "txt_in.weight"}
_TOLD = {"sd3": "y_embedder.mlp.0.weight", "flux": "vector_in.in_layer.weight"}
_CELLS = {"sd3": 1, "flux": 4}
"""Latent cells that the first layer takes as one."""


def describe(file: WeightsFile) -> Facts | No:
    """See `facts.Describe`."""
    shapes = file.header.shapes
    family = whole_family(shapes)
    if family is None:
        return No("it has no transformer of SD 3 or FLUX with text encoders and a first stage.")
    prefix = first_stage_of(shapes) or ""
    channels = _columns(shapes, prefix + FIRST_LATENT)
    taken = _columns(shapes, UNET + _TAKES[family])
    if taken != channels * _CELLS[family]:
        return No(
            f"its transformer takes {taken} channels and its latents have {channels}; one that draws from text alone "
            f"takes {channels * _CELLS[family]}."
        )
    _check_texts(shapes, family)
    told = UNET + _GUIDANCE in shapes
    variant = "" if family == "sd3" else DEV if told else SCHNELL
    usual = SD3_DEFAULTS if family == "sd3" else FLUX_DEFAULTS
    return Facts(
        family=family, task="text", prediction="flow", latent_channels=channels,
        latent_factor=factor_of(file.header, prefix), native_size=1024, variant=variant,
        vocabulary="clip" if family == "sd3" else "",
        defaults=distilled_defaults(SCHNELL) if variant == SCHNELL else usual,
        parts=_parts(file, family),
    )  # fmt: skip


def _check_texts(shapes: Shapes, family: str) -> None:
    """See that the transformer reads what the text encoders write."""
    clips = [p for p in (CLIP_L, CLIP_G) if p + CLIP_WORDS in shapes][: 2 if family == "sd3" else 1]
    written = sum(_columns(shapes, prefix + CLIP_WORDS) for prefix in clips)
    told = _columns(shapes, UNET + _TOLD[family])
    reads = _columns(shapes, UNET + _READS[family])
    t5 = _columns(shapes, T5 + T5_WORDS) if T5 + T5_WORDS in shapes else reads
    if (told, reads) != (written, t5):
        raise BrokenModel(
            f"The transformer is told {told} numbers of a text and reads tokens of {reads}, and the text encoders write "
            f"{written} and {t5}. The file is incomplete or was put together wrongly; download it again."
        )


def _parts(file: WeightsFile, family: str) -> tuple[tuple[str, str], ...]:
    """Where T5's tokenizer is.

    Raises:
        LacksFile: it is not there, and the family draws by T5.
    """
    if T5 + T5_WORDS not in file.header.shapes:
        return ()
    found, places = find_t5_tokenizer(file.path), t5_places(file.path)
    if found is not None:
        return ((TOKENIZERS[family], str(found.parent)),)
    folder = str(places[1].parent)
    if family == "sd3":
        return ((WITHOUT_TOKENIZER, folder),)
    raise LacksFile(
        f"It is FLUX with its text encoders, and reads by T5, whose words no weights hold. Put {TOKENIZER} of google/"
        f"{T5_FOLDER} (the folder tokenizer_2 of a FLUX model has it) into {folder!r}.",
        [str(place) for place in places],
    )


def _columns(shapes: Shapes, name: str) -> int:
    """The second size of a matrix, or of a convolution.

    Raises:
        BrokenModel: there is no such matrix.
    """
    shape = shapes.get(name, ())
    if len(shape) < 2:
        raise BrokenModel(
            f"The weight {name!r} is missing, or of an impossible shape. Download the file again."
        )
    return shape[1]
