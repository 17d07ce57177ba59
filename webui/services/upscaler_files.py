"""What the header of an upscaler network's file says of it."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.services.known_files import read_drawable

_FOREIGN = ("model.diffusion_model.", "first_stage_model.", "lora_unet_", "control_model.")
"""How names begin in files of other kinds."""


def describe_upscaler(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what the menu needs of an upscaler's file; which network it is shows when it is loaded.

    Raises:
        NotAModel: it holds no convolutions, or is a file of another kind.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_drawable(file)
    foreign = next((n for n in header.tensors if n.startswith(_FOREIGN)), None)
    if foreign is not None or not any(len(shape) == 4 for shape in header.shapes.values()):
        found = f"it holds {foreign!r}" if foreign else "it has no convolutions"
        raise NotAModel(f"It lies in a folder of upscalers, but {found}, as no upscaler does.")
    return AdapterInfo(adapter, "upscaler", file.stem, str(file.resolve()), header.bytes)
