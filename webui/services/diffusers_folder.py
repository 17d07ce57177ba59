"""What a diffusers folder says of its model: its JSON files and its safetensors headers.

No weights are read and nothing is unpickled, so a folder takes milliseconds.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId

INDEX_FILE = "model_index.json"
MAX_HEADER_BYTES = 100_000_000
_SD1_CLASSES = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
}
_PREDICTIONS = ("epsilon", "v_prediction")


def describe_folder(folder: Path, model: ModelId) -> CheckpointInfo:
    """Read what the menu, the API and the worker need of the model in `folder`.

    Raises:
        NotAModel: it is of no family that we know; says why.
        BrokenModel: a file is missing, truncated or unreadable; says which.
    """
    index = _json(folder / INDEX_FILE)
    _check_family(index)
    unet, vae = _json(folder / "unet" / "config.json"), _json(folder / "vae" / "config.json")
    scheduler = _json(folder / "scheduler" / "scheduler_config.json")
    prediction = scheduler.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS:
        raise NotAModel(
            f"Its prediction_type is {prediction!r}; known are {' and '.join(_PREDICTIONS)}."
        )
    channels = _number(vae.get("latent_channels", 4), "latent_channels of the vae")
    _check_channels(unet, channels)
    factor = 2 ** (len(vae.get("block_out_channels", [0])) - 1)
    height, width = _native(unet)
    files = [f for part in _SD1_CLASSES for f in _weight_files(folder / part)]
    tensors = [t for f in files for t in _tensors(f)]
    dtypes = Counter[str]()
    for dtype, size in tensors:
        dtypes[dtype] += size
    title, description = _card(folder)
    return CheckpointInfo(
        id=model, title=title or model, family="sd1", path=str(folder.resolve()),
        bytes=sum(f.stat().st_size for f in files), parameters=dtypes.total(),
        dtype=dtypes.most_common(1)[0][0] if dtypes else "", prediction=prediction,
        latent_channels=channels, latent_factor=factor,
        native_width=width * factor, native_height=height * factor, description=description,
    )  # fmt: skip


def _check_family(index: Mapping[str, Any]) -> None:
    pipeline = index.get("_class_name")
    if pipeline != "StableDiffusionPipeline":
        raise NotAModel(f"Its pipeline is {pipeline!r}; known is 'StableDiffusionPipeline'.")
    for part, wanted in _SD1_CLASSES.items():
        entry = index.get(part)
        name = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
        if name != wanted:
            raise NotAModel(f"Its {part} is {name!r}; the family 'sd1' has {wanted!r}.")


def _check_channels(unet: Mapping[str, Any], latent_channels: int) -> None:
    taken = unet.get("in_channels", 4)
    if taken != latent_channels:
        raise NotAModel(
            f"Its network takes {taken!r} channels and its latents have {latent_channels}; models with "
            "further input channels (inpainting, depth) are not known yet."
        )


def _native(unet: Mapping[str, Any]) -> tuple[int, int]:
    size = unet.get("sample_size", 64)
    pair = size if isinstance(size, list) and len(size) == 2 else [size, size]
    return _number(pair[0], "sample_size"), _number(pair[1], "sample_size")


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**16:
        raise BrokenModel(f"The {name} is {value!r}; a positive whole number was expected.")
    return value


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenModel(f"{str(file)!r} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise BrokenModel(
            f"{str(file)!r} holds a {type(content).__name__}; a JSON object was expected."
        )
    return content


def _weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one part: the plain ones, or those of a variant such as fp16."""
    files = sorted(f for f in folder.glob("*.safetensors") if f.is_file())
    plain = [f for f in files if "." not in f.stem]
    if chosen := plain or files:
        return chosen
    hint = (
        " It has pickled weights (.bin); convert them to safetensors."
        if list(folder.glob("*.bin"))
        else ""
    )
    raise BrokenModel(f"{str(folder)!r} holds no .safetensors file.{hint}")


def _tensors(file: Path) -> list[tuple[str, int]]:
    """Type and number of weights of each tensor, from the header alone."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise BrokenModel(
                f"{str(file)!r} has {size} bytes and no whole header: the download may be incomplete."
            )
        raw = stream.read(length)
    try:
        header = json.loads(raw)
        entries = [v for k, v in header.items() if k != "__metadata__"]
        tensors = [(str(v["dtype"]), math.prod(v["shape"])) for v in entries]
        end = 8 + length + max((int(v["data_offsets"][1]) for v in entries), default=0)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise BrokenModel(f"The header of {str(file)!r} cannot be read: {error}.") from error
    if end != size:
        raise BrokenModel(
            f"{str(file)!r} has {size} bytes where its header announces {end}: the download may be incomplete."
        )
    return tensors


def _card(folder: Path) -> tuple[str, str]:
    """Title and first sentence of the model's card; empty where it has none."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "", ""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    heading = re.search(r"^# +(.+)$", text, flags=re.MULTILINE)
    paragraphs = [p.strip() for p in text.split("\n\n")]
    prose = next((p for p in paragraphs if p and not p.startswith(("#", "!", "|", "<", "["))), "")
    sentence = re.match(r".+?[.!?](?=\s|$)", " ".join(prose.split()))
    return heading[1].strip() if heading else "", sentence[0] if sentence else " ".join(
        prose.split()
    )[:200]
