"""What the files of a controlnet or a LoRA say of it, without loading them."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.services.model_files import (
    EASEL_FILE,
    read_card,
    read_easel,
    read_header,
    read_json,
    weight_files,
)

CONFIG_FILE = "config.json"
CONTROLNET_CLASS = "ControlNetModel"
LORA_FOLDERS = ("lora", "loras")
"""Names, lower case, of folders in which LoRAs lie."""
_LORA_MARKS = (".lora_A.", ".lora_B.", ".lora_down.", ".lora_up.")
"""In the names of tensors: as PEFT and diffusers write them, and as kohya's scripts do."""


def describe_controlnet(folder: Path, adapter: AdapterId) -> AdapterInfo | None:
    """Read what the menu needs of a controlnet's folder; None when it is no controlnet.

    Raises:
        BrokenModel: a file is missing, truncated or unreadable; says which.
    """
    if read_json(folder / CONFIG_FILE).get("_class_name") != CONTROLNET_CLASS:
        return None
    files = weight_files(folder)
    for file in files:
        read_header(file)
    reads = read_easel(folder).get("reads", "")
    if not isinstance(reads, str):
        raise BrokenModel(
            f"The 'reads' of {EASEL_FILE} is {repr(reads)[:100]}; a word such as 'edges' was expected."
        )
    title, description = read_card(folder)
    size = sum(file.stat().st_size for file in files)
    path = str(folder.resolve())
    return AdapterInfo(adapter, "controlnet", title or folder.name, path, size, reads, description)


def describe_lora(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what the menu needs of a LoRA's file; title and description are `modelspec`'s.

    Raises:
        NotAModel: it holds no tensors of a LoRA.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_header(file)
    if not any(mark in name for name in header.tensors for mark in _LORA_MARKS):
        raise NotAModel(
            "It lies in a folder of LoRAs, but none of its tensors has 'lora_A' and 'lora_B', or 'lora_down' "
            "and 'lora_up', in its name."
        )
    said = header.metadata
    title = said.get("modelspec.title", "") or file.stem
    description = said.get("modelspec.description", "")
    path, size = str(file.resolve()), file.stat().st_size
    return AdapterInfo(adapter, "lora", title, path, size, description=description)
