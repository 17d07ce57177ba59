"""What the files of an image encoder say of it: a folder of transformers, or its weights alone."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import CONFIG_FILE
from webui.services.known_files import read_drawable
from webui.services.model_files import read_json
from webui.weights.clip_vision_files import encoder_file, vision_shape

_TYPES = ("clip_vision_model", "clip")
"""`model_type` of those that say something of a picture as a whole; the second has CLIP's text encoder beside it."""


def describe_image_encoder_folder(folder: Path, adapter: AdapterId) -> AdapterInfo | None:
    """Read what is to be known of the folder of an image encoder; None where it is another's.

    Raises:
        NotAModel: it is an image encoder that cannot be used.
        BrokenModel: a file is missing, truncated or unreadable; says which.
    """
    if read_json(folder / CONFIG_FILE).get("model_type") not in _TYPES:
        return None
    return _described(folder, folder.name, encoder_file(folder), adapter)


def describe_image_encoder(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what is to be known of an image encoder's file.

    Raises:
        NotAModel: it is none.
        BrokenModel: it is truncated or unreadable.
    """
    return _described(file, file.stem, file, adapter)


def _described(path: Path, title: str, file: Path, adapter: AdapterId) -> AdapterInfo:
    header = read_drawable(file)
    shape = vision_shape(header.shapes)
    return AdapterInfo(
        adapter, "image_encoder", title, str(path.resolve()), header.bytes,
        pooled_width=shape.pooled_width, patch_width=shape.width,
    )  # fmt: skip
