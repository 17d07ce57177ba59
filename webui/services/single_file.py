"""A model in a single file: whose it is, from its header and from what lies beside it.

Beside `name.safetensors` may stand `name.json`, which says what the file cannot; all its keys are optional, and
those of other programs are passed over, and so is a file that cannot be read:

    {"prediction": "v_prediction", "native_size": 768, "defaults": {"steps": 8}}

or `{"ignore": true}`, for weights that are no model to draw with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId
from webui.services.bare_model import describe_bare
from webui.services.header_notes import training_of, trigger_words
from webui.services.known_files import read_drawable
from webui.services.misplaced_files import misplaced
from webui.services.model_files import EASEL_FILE, read_card, read_defaults
from webui.services.sidecars import read_beside
from webui.weights.bare import bare_denoiser
from webui.weights.ldm_unet import UNET
from webui.weights.packed import count_packed
from webui.weights.signatures import identify
from webui.weights.signatures.distilled import distilled_defaults
from webui.weights.signatures.facts import Facts, WeightsFile

_STAY_PACKED = ("sd1", "sdxl")
"""Families whose networks keep packed weights as they are; others unpack them when they are loaded."""
_TEXT = (
    "cond_stage_model.",
    "conditioner.",
    "text_encoders.",
    "text_encoder.",
    "text_encoder_2.",
    "text_encoder_3.",
)
"""What the names of weights begin with that read prompts: in single files of any layout, and in folders."""
AVERAGED = "model_ema."
"""Weights averaged over training, which some files hold beside those that are used."""


def describe_file(file: Path, model: ModelId) -> CheckpointInfo | None:
    """Read what the menu, the API and the worker need of the model in a file; None where it is to be ignored.

    Raises:
        NotAModel: it is of no family that we know; says why.
        BrokenModel: it is truncated, unreadable or of impossible shapes.
    """
    said = read_beside(file)
    if said.get("ignore") is True:
        return None
    header = read_drawable(file)
    if (bare := bare_denoiser(header)) is not None:
        return describe_bare(file, header, bare, said, model)
    read = WeightsFile(file.resolve(), header, said)
    try:
        facts = identify(read)
    except NotAModel as error:
        if (place := misplaced(header.shapes)) is not None:
            raise NotAModel(place) from error
        raise
    return checkpoint_of(read, facts, model)


def checkpoint_of(file: WeightsFile, facts: Facts, model: ModelId) -> CheckpointInfo:
    """What the menu, the API and the worker need of a file, or of a folder, that a family knows.

    Raises:
        BrokenModel: what a person says of it beside it is impossible.
    """
    header, said, in_parts = file.header, file.said, bool(file.index)
    beside = file.path / EASEL_FILE if in_parts else file.path.with_suffix(".json")
    title, about = read_card(file.path) if in_parts else ("", "")
    dtypes, text_parameters = Counter[str](), 0
    for name, tensor in header.tensors.items():  # there are thousands of files of a thousand
        count = prod(tensor.shape)
        if name.startswith(_TEXT):
            text_parameters += count
        elif name.startswith(AVERAGED):
            continue
        dtypes[tensor.dtype] += count
    size = _native_size(said, beside, facts.native_size)
    own = read_defaults(said, str(beside))
    return CheckpointInfo(
        id=model, title=header.metadata.get("modelspec.title", "") or title or file.path.stem,
        family=facts.family, path=str(file.path), bytes=header.bytes,
        parameters=dtypes.total(), dtype=dtypes.most_common(1)[0][0] if dtypes else "",
        prediction=facts.prediction, latent_channels=facts.latent_channels,
        latent_factor=facts.latent_factor, native_width=size, native_height=size,
        description=header.metadata.get("modelspec.description", "")[:200] or about, task=facts.task,
        text_width=facts.text_width, format="diffusers" if in_parts else header.format, variant=facts.variant,
        defaults=own or distilled_defaults(file.path.stem) or facts.defaults,
        vocabulary=facts.vocabulary, parts=facts.parts, classes=facts.classes, reads_text=facts.reads_text,
        takes_noise=facts.task == "variation" or facts.variant == "x4",
        packed=count_packed(header, UNET) if facts.family in _STAY_PACKED else 0,
        text_parameters=text_parameters,
        trigger_words=trigger_words(header.metadata), training=training_of(header.metadata),
    )  # fmt: skip


# Any: JSON that a person wrote.
def _native_size(said: Mapping[str, Any], beside: Path, found: int) -> int:
    size = said.get("native_size", found)
    if not isinstance(size, int) or not 64 <= size <= 4096:
        raise BrokenModel(
            f"The 'native_size' in {str(beside)!r} is {repr(size)[:100]}; pixels from 64 to 4096 were expected."
        )
    return size
