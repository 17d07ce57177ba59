"""A file with a denoising network alone, drawn with together with the other parts of a diffusers folder.

Which folder that is, the `.json` beside the file says (`{"rest": "../flux-dev"}`); else it is the only one of the
file's family in the same folder, or in the folders beside that. The folder may be without weights of a denoising network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import INDEX_FILE, describe_folder
from webui.services.folder_shapes import SHAPES
from webui.services.header_notes import training_of, trigger_words
from webui.services.model_files import read_json
from webui.weights.bare import BareDenoiser
from webui.weights.header import WeightsHeader
from webui.weights.packed import count_packed
from webui.weights.signatures.distilled import distilled_defaults

REST = "rest"
DENOISER_CONFIG = "denoiser_config"
"""The part that has the configuration of a network that lies in a file."""
_TASKS: Mapping[int, Task] = {0: "text", 5: "inpaint"}
"""Of a UNet, by channels beside the latent's."""
_PATCH = {"flux": 4}
"""Latent cells that a family's transformers take as one place."""


# Any: JSON that a person wrote.
def describe_bare(
    file: Path,
    header: WeightsHeader,
    bare: BareDenoiser,
    said: Mapping[str, Any],
    model: ModelId,
) -> CheckpointInfo:
    """Read what the menu, the API and the worker need of a network in a file.

    Raises:
        LacksFile: the rest of the model is not there, or it is not clear which folder has it.
        NotAModel, BrokenModel: the network is not made for the rest, or a part of that is damaged.
    """
    folder = _rest(file, bare.family, said)
    info = describe_folder(folder, model, lends_parts=True)
    denoiser = next(shape.denoiser for shape in SHAPES if shape.family == bare.family)
    task = _task(bare, info, folder)
    parts = {
        **dict(info.parts),
        DENOISER_CONFIG: str((folder / denoiser).resolve()),
        denoiser: str(file.resolve()),
    }
    count = sum(t.count for n, t in header.tensors.items() if n.startswith(bare.prefix))
    by_type: dict[str, int] = {}
    for tensor in header.tensors.values():
        by_type[tensor.dtype] = by_type.get(tensor.dtype, 0) + tensor.count
    return replace(
        info,
        title=header.metadata.get("modelspec.title") or header.metadata.get("general.name") or file.stem,
        path=str(file.resolve()),
        bytes=header.bytes,
        parameters=info.parameters + count,
        dtype=max(by_type, key=lambda kind: by_type[kind]),
        description=f"With the other parts of {folder.name!r}.",
        task=task,
        format=header.format,
        defaults=distilled_defaults(file.stem) or info.defaults,
        packed=count_packed(header, bare.prefix),
        parts=tuple(parts.items()),
        trigger_words=trigger_words(header.metadata), training=training_of(header.metadata),
    )  # fmt: skip


def _task(bare: BareDenoiser, info: CheckpointInfo, folder: Path) -> Task:
    cells = _PATCH.get(bare.family, 1)
    beside = bare.in_channels - info.latent_channels * cells
    task = _TASKS.get(beside) if bare.reads else (None if beside else "text")
    if task is None:
        raise NotAModel(
            f"Its network takes {bare.in_channels} channels, and the latents of {folder.name!r} have "
            f"{info.latent_channels * cells}; networks that draw from text alone, and UNets that inpaint, are known."
        )
    if bare.reads and bare.reads != info.text_width:
        raise NotAModel(
            f"Its network reads text tokens of {bare.reads} numbers, and the text encoders of {folder.name!r} "
            f"write {info.text_width}. Name a folder of its kind as '{REST}' in the .json beside it."
        )
    return task


def _rest(file: Path, family: str, said: Mapping[str, Any]) -> Path:
    """The folder that has the other parts."""
    named = said.get(REST)
    if named is not None:
        return _named(file, named)
    found = [folder for folder in _neighbours(file) if _family_of(folder) == family]
    if len(found) == 1:
        return found[0]
    beside = file.with_suffix(".json").name
    if found:
        raise BrokenModel(
            f"It is a denoising network of {family!r}, and {', '.join(repr(f.name) for f in found[:5])} have the "
            f'other parts of such a model. Say in {beside!r} which to use: {{"{REST}": "{found[0].name}"}}.'
        )
    raise LacksFile(
        f"It is a denoising network of {family!r} and nothing else. Its text encoders and its first stage are needed, "
        f"in a diffusers folder of that family beside it, which can be without the network; {beside!r} can "
        f'name another place: {{"{REST}": "FOLDER"}}.',
        [str(file.parent), str(file.parent.parent)],
    )


def _named(file: Path, named: object) -> Path:
    """A path that leads further away would let a model read any folder."""
    room = file.parent.parent.resolve()
    folder = (file.parent / str(named)).resolve()
    if not isinstance(named, str) or not folder.is_relative_to(room):
        raise BrokenModel(
            f"The '{REST}' beside {file.name!r} is {repr(named)[:100]}; a folder below {str(room)!r} was expected."
        )
    if not (folder / INDEX_FILE).is_file():
        raise LacksFile(
            f"The '{REST}' beside {file.name!r} is {named[:100]!r}, where there is no diffusers folder.",
            [str(folder)],
        )
    return folder


def _neighbours(file: Path) -> Iterator[Path]:
    """Diffusers folders in the file's folder; where there is none, in those beside it."""
    for above in (file.parent, file.parent.parent):
        found = [index.parent for index in sorted(above.glob(f"*/{INDEX_FILE}"))]
        if found:
            yield from found
            return


def _family_of(folder: Path) -> str | None:
    try:
        pipeline = read_json(folder / INDEX_FILE).get("_class_name")
    except BrokenModel:
        return None
    return next((shape.family for shape in SHAPES if pipeline in shape.pipelines), None)
