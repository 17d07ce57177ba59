"""What a diffusers folder says of its model: its JSON files and its safetensors headers.

Which kinds of folders are known, `folder_shapes` says.

Beside the folder's own files, `easel.json` may say what they cannot: the task, the names of its
classes, what suits it, and parts that lie in a neighbour folder. All its keys are optional:

    {"task": "semantic", "classes": ["sky", "sea"], "defaults": {"steps": 4},
     "shared": {"vae": "../text/vae"}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import TASKS, CheckpointInfo, Task
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import ModelId
from webui.services.folder_shapes import SHAPES, FolderShape
from webui.services.model_files import (
    EASEL_FILE,
    read_card,
    read_defaults,
    read_easel,
    read_json,
    weight_files,
)
from webui.weights.read import read_weights
from webui.weights.signatures.distilled import distilled_defaults

INDEX_FILE = "model_index.json"
CLASS_PLANES = 4
"""Input channels a class takes: a map of twice the latent's size, folded two by two."""
_PREDICTIONS = ("epsilon", "v_prediction")
_NULL = (None, [None, None])
"""What an index has for a part that a model is without."""
_LAYOUT_PART = "layout_encoder"
_TEXT = "text_encoder"
"""Begin of the names of parts that read prompts."""


def describe_folder(folder: Path, model: ModelId, *, lends_parts: bool = False) -> CheckpointInfo:
    """Read what the menu, the API and the worker need of the model in `folder`.

    Args:
        folder: Where it lies.
        model: Its id.
        lends_parts: To a denoising network of another place; its own may then be without weights.

    Raises:
        NotAModel: it is of no family that we know; says why.
        BrokenModel: a file is missing, truncated or unreadable; says which.
    """
    index = read_json(folder / INDEX_FILE)
    shape = _shape_of(index)
    easel = read_easel(folder)
    parts = _parts(folder, shape, index, easel)
    network = read_json(parts[shape.denoiser] / "config.json")
    first_stage = read_json(parts[shape.first_stage] / "config.json")
    channels = _number(first_stage.get("latent_channels", shape.latent_channels), "latent_channels")
    classes = _classes(easel)
    task = _task(shape, easel, network.get("in_channels", channels), channels, len(classes))
    if task == "layout":
        parts[_LAYOUT_PART] = folder / _LAYOUT_PART
        read_json(parts[_LAYOUT_PART] / "config.json")
    weighty = [name for name in parts if name in shape.networks or name == _LAYOUT_PART]
    if lends_parts:
        weighty.remove(shape.denoiser)
    files = [file for name in weighty for file in weight_files(parts[name])]
    dtypes = _weights(files)
    factor = 2 ** (len(first_stage.get("block_out_channels", [0])) - 1)
    height, width = _native(network, shape)
    title, description = read_card(folder)
    return CheckpointInfo(
        id=model, title=title or model, family=shape.family, path=str(folder.resolve()),
        bytes=sum(f.stat().st_size for f in files), parameters=dtypes.total(),
        dtype=dtypes.most_common(1)[0][0] if dtypes else "", prediction="flow" if shape.is_flow else _prediction(parts),
        latent_channels=channels, latent_factor=factor,
        native_width=width * factor, native_height=height * factor, description=description,
        task=task, classes=classes, text_width=_text_width(network),
        reads_text=any(name.startswith(_TEXT) for name in parts),
        text_parameters=sum(_weights(f for n in weighty if n.startswith(_TEXT) for f in weight_files(parts[n])).values()),
        takes_noise=task == "variation" or (task == "upscale" and _is_labelled(network)),
        defaults=read_defaults(easel, EASEL_FILE) or distilled_defaults(folder.name) or shape.defaults,
        parts=tuple((name, str(part.resolve())) for name, part in parts.items()),
    )  # fmt: skip


def _shape_of(index: Mapping[str, Any]) -> FolderShape:
    pipeline = index.get("_class_name")
    shape = next((s for s in SHAPES if pipeline in s.pipelines), None)
    if shape is None:
        known = ", ".join(repr(name) for s in SHAPES for name in s.pipelines)
        raise NotAModel(f"Its pipeline is {pipeline!r}; known are {known}.")
    for part, wanted in shape.networks.items():
        entry = index.get(part)
        if entry in _NULL and part in shape.optional:
            continue
        name = entry[1] if isinstance(entry, list) and len(entry) == 2 else entry
        if name != wanted:
            raise NotAModel(f"Its {part} is {name!r}; the family {shape.family!r} has {wanted!r}.")
    return shape


def _parts(
    folder: Path, shape: FolderShape, index: Mapping[str, Any], easel: Mapping[str, Any]
) -> dict[str, Path]:
    """Folder of each part: the model's own, else the shared one that `easel.json` names."""
    shared = easel.get("shared", {})
    if not isinstance(shared, dict):
        raise _not_an("shared", shared, "an object of part names and relative folders")
    networks = tuple(name for name in shape.networks if index.get(name) not in _NULL)
    parts = {}
    for name in (*networks, *shape.plain_parts(networks)):
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


def _task(
    shape: FolderShape, easel: Mapping[str, Any], taken: Any, channels: int, classes: int
) -> Task:
    """The task that `easel.json` names, else the one that the input channels tell."""
    if shape.enlarges:
        expected: dict[Task, int] = {"upscale": channels + 3}
    elif shape.varies:
        expected = {"variation": channels}
    elif shape.is_flow:
        expected = {"text": channels * shape.patch**2}
    elif shape.family == "sdxl":
        expected = {"text": channels, "inpaint": 2 * channels + 1}
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


def _is_labelled(network: Mapping[str, Any]) -> bool:
    """Whether a denoiser embeds a label beside the timestep."""
    return any(network.get(name) is not None for name in ("class_embed_type", "num_class_embeds"))


def _weights(files: Iterable[Path]) -> Counter[str]:
    """Number of weights of each type."""
    dtypes = Counter[str]()
    for file in files:
        for tensor in read_weights(file).tensors.values():
            dtypes[tensor.dtype] += tensor.count
    return dtypes


def _text_width(network: Mapping[str, Any]) -> int:
    """0 where its config does not say, or has one for each block."""
    width = network.get("cross_attention_dim")
    return width if isinstance(width, int) and not isinstance(width, bool) else 0


def _native(network: Mapping[str, Any], shape: FolderShape) -> tuple[int, int]:
    size = network.get("sample_size", shape.sample_size)
    pair = size if isinstance(size, list) and len(size) == 2 else [size, size]
    return _number(pair[0], "sample_size"), _number(pair[1], "sample_size")


def _number(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**16:
        raise BrokenModel(f"The {name} is {value!r}; a positive whole number was expected.")
    return value


def _not_an(key: str, value: Any, expected: str) -> BrokenModel:
    shown = repr(value)[:100]
    return BrokenModel(f"The {key!r} of {EASEL_FILE} is {shown}; {expected} was expected.")
