"""What a diffusers folder says of its model: its JSON files and its safetensors headers.

Two shapes are known. 'sd1': text tokens, a UNet, a KL first stage, and for some tasks further input
channels. 'ldm-sr': the superresolution of Rombach et al. 2022, section 4.4: a UNet without text over
a VQ first stage, that reads the small picture as further channels.

Beside the folder's own files, `easel.json` may say what they cannot: the task, the names of its
classes, what suits it, and parts that lie in a neighbour folder. All its keys are optional:

    {"task": "semantic", "classes": ["sky", "sea"], "defaults": {"steps": 4},
     "shared": {"vae": "../text/vae"}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import TASKS, CheckpointInfo, Task
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId
from webui.services.model_files import (
    EASEL_FILE,
    read_card,
    read_defaults,
    read_easel,
    read_json,
    weight_files,
)
from webui.weights.read import read_weights

INDEX_FILE = "model_index.json"
CLASS_PLANES = 4
"""Input channels a class takes: a map of twice the latent's size, folded two by two."""
_PREDICTIONS = ("epsilon", "v_prediction")
_PLAIN_PARTS = ("tokenizer", "scheduler")
_LAYOUT_PART = "layout_encoder"


@dataclass(frozen=True)
class _Shape:
    """A kind of folder that a family can load."""

    family: str
    pipelines: tuple[str, ...]
    """Names in `model_index.json`."""
    networks: Mapping[str, str]
    """Part to class, of all parts that have weights."""
    first_stage: str
    """Which part it is."""
    latent_channels: int
    """Where the first stage's config does not say."""


_SHAPES = (
    _Shape(
        "sd1",
        (
            "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
            "StableDiffusionInpaintPipeline", "StableDiffusionDepth2ImgPipeline",
            "StableDiffusionInstructPix2PixPipeline",
        ),
        {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"},
        "vae",
        4,
    ),
    _Shape(
        "ldm-sr",
        ("LDMSuperResolutionPipeline",),
        {"unet": "UNet2DModel", "vqvae": "VQModel"},
        "vqvae",
        3,
    ),
)  # fmt: skip


def describe_folder(folder: Path, model: ModelId) -> CheckpointInfo:
    """Read what the menu, the API and the worker need of the model in `folder`.

    Raises:
        NotAModel: it is of no family that we know; says why.
        BrokenModel: a file is missing, truncated or unreadable; says which.
    """
    shape = _shape_of(read_json(folder / INDEX_FILE))
    easel = read_easel(folder)
    parts = _parts(folder, shape, easel)
    unet = read_json(parts["unet"] / "config.json")
    first_stage = read_json(parts[shape.first_stage] / "config.json")
    channels = _number(first_stage.get("latent_channels", shape.latent_channels), "latent_channels")
    classes = _classes(easel)
    task = _task(shape, easel, unet.get("in_channels", channels), channels, len(classes))
    if task == "layout":
        parts[_LAYOUT_PART] = folder / _LAYOUT_PART
        read_json(parts[_LAYOUT_PART] / "config.json")
    weighty = [name for name in parts if name in shape.networks or name == _LAYOUT_PART]
    files = [file for name in weighty for file in weight_files(parts[name])]
    dtypes = _weights(files)
    factor = 2 ** (len(first_stage.get("block_out_channels", [0])) - 1)
    height, width = _native(unet)
    title, description = read_card(folder)
    return CheckpointInfo(
        id=model, title=title or model, family=shape.family, path=str(folder.resolve()),
        bytes=sum(f.stat().st_size for f in files), parameters=dtypes.total(),
        dtype=dtypes.most_common(1)[0][0] if dtypes else "", prediction=_prediction(parts),
        latent_channels=channels, latent_factor=factor,
        native_width=width * factor, native_height=height * factor, description=description,
        task=task, classes=classes, reads_text="text_encoder" in shape.networks, defaults=read_defaults(easel, EASEL_FILE),
        parts=tuple((name, str(part.resolve())) for name, part in parts.items()),
    )  # fmt: skip


def _shape_of(index: Mapping[str, Any]) -> _Shape:
    pipeline = index.get("_class_name")
    shape = next((s for s in _SHAPES if pipeline in s.pipelines), None)
    if shape is None:
        known = ", ".join(repr(name) for s in _SHAPES for name in s.pipelines)
        raise NotAModel(f"Its pipeline is {pipeline!r}; known are {known}.")
    for part, wanted in shape.networks.items():
        entry = index.get(part)
        name = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
        if name != wanted:
            raise NotAModel(f"Its {part} is {name!r}; the family {shape.family!r} has {wanted!r}.")
    return shape


def _parts(folder: Path, shape: _Shape, easel: Mapping[str, Any]) -> dict[str, Path]:
    """Folder of each part: the model's own, else the shared one that `easel.json` names."""
    shared = easel.get("shared", {})
    if not isinstance(shared, dict):
        raise _not_an("shared", shared, "an object of part names and relative folders")
    plain = _PLAIN_PARTS if "text_encoder" in shape.networks else ("scheduler",)
    parts = {}
    for name in (*shape.networks, *plain):
        own = folder / name
        parts[name] = own if own.is_dir() or name not in shared else _shared(folder, shared[name])
    return parts


def _shared(folder: Path, relative: Any) -> Path:
    """A neighbour's part; a path that leads further away would let a model read any folder."""
    if not isinstance(relative, str) or not relative:
        raise _not_an("shared", relative, "a relative folder such as '../text/vae'")
    part, room = (folder / relative).resolve(), folder.parent.resolve()
    if not part.is_relative_to(room):
        raise BrokenModel(
            f"{EASEL_FILE} shares {relative!r}, which leads out of {str(room)!r}; parts of neighbour "
            "folders alone can be shared."
        )
    if not part.is_dir():
        raise BrokenModel(
            f"{EASEL_FILE} shares {relative!r}, but there is no folder {str(part)!r}. Install the model "
            "that it belongs to."
        )
    return part


def _classes(easel: Mapping[str, Any]) -> tuple[str, ...]:
    classes = easel.get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(c, str) and c for c in classes):
        raise _not_an("classes", classes, "a list of names")
    return tuple(classes)


def _task(shape: _Shape, easel: Mapping[str, Any], taken: Any, channels: int, classes: int) -> Task:
    """The task that `easel.json` names, else the one that the input channels tell."""
    if shape.family == "ldm-sr":
        expected: dict[Task, int] = {"upscale": channels + 3}
    else:
        expected = {
            "text": channels, "inpaint": 2 * channels + 1, "depth": channels + 1,
            "semantic": channels + CLASS_PLANES * classes, "layout": channels, "edit": 2 * channels,
        }  # fmt: skip
    told = [t for t in TASKS if expected.get(t) == taken]
    named = easel.get("task", told[0] if told else "text")
    task = next((t for t in TASKS if t == named), None)
    if task is None:
        raise NotAModel(f"Its task is {named!r}; known are {', '.join(TASKS)}.")
    if task in ("semantic", "layout") and not classes:
        raise BrokenModel(f"Its task is {task!r}, but {EASEL_FILE} names no classes.")
    if expected.get(task) != taken:
        raise NotAModel(
            f"Its network takes {taken!r} channels and its latents have {channels}; for the task {task!r} "
            f"of the family {shape.family!r}, {expected.get(task, 'no number')} was expected."
        )
    return task


def _prediction(parts: Mapping[str, Path]) -> str:
    config = read_json(parts["scheduler"] / "scheduler_config.json")
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in _PREDICTIONS:
        raise NotAModel(
            f"Its prediction_type is {prediction!r}; known are {' and '.join(_PREDICTIONS)}."
        )
    return str(prediction)


def _weights(files: Iterable[Path]) -> Counter[str]:
    """Number of weights of each type."""
    dtypes = Counter[str]()
    for file in files:
        for tensor in read_weights(file).tensors.values():
            dtypes[tensor.dtype] += tensor.count
    return dtypes


def _native(unet: Mapping[str, Any]) -> tuple[int, int]:
    size = unet.get("sample_size", 64)
    pair = size if isinstance(size, list) and len(size) == 2 else [size, size]
    return _number(pair[0], "sample_size"), _number(pair[1], "sample_size")


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**16:
        raise BrokenModel(f"The {name} is {value!r}; a positive whole number was expected.")
    return value


def _not_an(key: str, value: Any, expected: str) -> BrokenModel:
    shown = repr(value)[:100]
    return BrokenModel(f"The {key!r} of {EASEL_FILE} is {shown}; {expected} was expected.")
