"""What the header of the single file of a controlnet (of a UNet or a transformer), Control-LoRA, T2I-Adapter or IP-Adapter says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.union_kinds import FLUX_KINDS, kinds_of
from webui.services.adapter_files import INPAINT, base_of_network
from webui.services.known_files import read_drawable
from webui.services.lora_files import base_of_width
from webui.weights.control_files import control_shape
from webui.weights.control_lora_files import control_lora_shape, is_control_lora
from webui.weights.flow_control_files import flow_control_shape, is_flow_control
from webui.weights.flux_ip_files import flux_ip_shape, is_flux_ip
from webui.weights.header import WeightsHeader
from webui.weights.ip_adapter_files import ip_adapter_shape, is_ip_adapter
from webui.weights.style_files import is_style_adapter, style_shape
from webui.weights.t2i_files import t2i_names, t2i_shape

LOOK = "look"
"""What an IP-Adapter reads: any picture, whose look it takes over."""
READS: Mapping[str, str] = {
    "canny": "edges", "softedge": "soft edges", "hed": "soft edges", "pidi": "soft edges",
    "scribble": "scribble", "sketch": "scribble", "lineart": "lines", "mlsd": "straight lines",
    "depth": "depth", "normal": "normals", "openpose": "pose", "pose": "pose", "seg": "class colours",
    "tile": "tile", "inpaint": "inpaint", "blur": "blur", "recolor": "grey", "gray": "grey",
}  # fmt: skip
"""Words in the names of published controlnets, and what picture these want."""


def describe_control_file(file: Path, adapter: AdapterId) -> AdapterInfo:
    """Read what the menu needs of such a file; what it reads is guessed from its name.

    Raises:
        NotAModel: it is none, or of a kind that is not drawn with.
        BrokenModel: it is truncated or unreadable.
    """
    header = read_drawable(file)
    if is_flux_ip(header.shapes):
        return _flux_ip(file, header, adapter)
    if is_ip_adapter(header.shapes):
        return _ip_adapter(file, header, adapter)
    if is_control_lora(header.shapes):
        return _control_lora(file, header, adapter)
    if is_flow_control(header.shapes):
        return _flow_control(file, header, adapter)
    if is_style_adapter(header.shapes):
        return _style_adapter(file, header, adapter)
    is_t2i = bool(t2i_names(header.shapes))
    base, width, kinds = ("", 0, ()) if is_t2i else _made_for(header)
    if is_t2i and t2i_shape(header.shapes).kind == "full_adapter_xl":
        base = "SDXL"
    return AdapterInfo(
        adapter, "controlnet", header.metadata.get("modelspec.title", "") or file.stem,
        str(file.resolve()), header.bytes, reads=reads_of(file.stem),
        description=header.metadata.get("modelspec.description", "")[:200],
        base=base, text_width=width, is_t2i=is_t2i, kinds=kinds,
    )  # fmt: skip


def _ip_adapter(file: Path, header: WeightsHeader, adapter: AdapterId) -> AdapterInfo:
    shape = ip_adapter_shape(header.shapes)
    pooled, patches = (0, shape.told_width) if shape.reads_patches else (shape.told_width, 0)
    return AdapterInfo(
        adapter, "controlnet", file.stem, str(file.resolve()), header.bytes, reads=LOOK,
        base=base_of_width(shape.text_width), text_width=shape.text_width,
        pooled_width=pooled, patch_width=patches,
    )  # fmt: skip


def _flux_ip(file: Path, header: WeightsHeader, adapter: AdapterId) -> AdapterInfo:
    shape = flux_ip_shape(header.shapes)
    base, width = base_of_network("flux")
    return AdapterInfo(
        adapter, "controlnet", file.stem, str(file.resolve()), header.bytes, reads=LOOK,
        base=base, text_width=width, network="flux", pooled_width=shape.told_width,
    )  # fmt: skip


def _style_adapter(file: Path, header: WeightsHeader, adapter: AdapterId) -> AdapterInfo:
    shape = style_shape(header.shapes)
    return AdapterInfo(
        adapter, "controlnet", file.stem, str(file.resolve()), header.bytes, reads=LOOK,
        base=base_of_width(shape.text_width), text_width=shape.text_width,
        patch_width=shape.width, is_t2i=True,
    )  # fmt: skip


def _control_lora(file: Path, header: WeightsHeader, adapter: AdapterId) -> AdapterInfo:
    width = control_lora_shape(header.shapes).text_width
    return AdapterInfo(
        adapter, "controlnet", header.metadata.get("modelspec.title", "") or file.stem,
        str(file.resolve()), header.bytes, reads=reads_of(file.stem),
        description=header.metadata.get("modelspec.description", "")[:200],
        base=base_of_width(width), text_width=width,
    )  # fmt: skip


def _flow_control(file: Path, header: WeightsHeader, adapter: AdapterId) -> AdapterInfo:
    shape = flow_control_shape(header.shapes)
    base, width = base_of_network(shape.network)
    return AdapterInfo(
        adapter, "controlnet", header.metadata.get("modelspec.title", "") or file.stem,
        str(file.resolve()), header.bytes, reads=INPAINT if shape.reads_mask else reads_of(file.stem),
        description=header.metadata.get("modelspec.description", "")[:200],
        base=base, text_width=width, network=shape.network, kinds=kinds_of(shape.modes, FLUX_KINDS),
    )  # fmt: skip


def _made_for(header: WeightsHeader) -> tuple[str, int, tuple[str, ...]]:
    """Base and width of the text of a controlnet, and the kinds of pictures of a union."""
    shape = control_shape(header.shapes)
    return base_of_width(shape.text_width), shape.text_width, kinds_of(shape.types)


def reads_of(name: str) -> str:
    """What picture a controlnet of this name wants; empty where the name does not tell."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((READS[word] for word in words if word in READS), "")
