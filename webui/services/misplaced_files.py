"""Adapters that lie where models do: what each is, and the folder that it belongs into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webui.contracts.lora_keys import MARKS, pieces_in
from webui.weights.clip_vision_files import PROJECTION
from webui.weights.control_files import control_names
from webui.weights.flow_control_files import is_flow_control
from webui.weights.flux_ip_files import is_flux_ip
from webui.weights.ip_adapter_files import is_ip_adapter
from webui.weights.style_files import is_style_adapter
from webui.weights.t2i_files import t2i_names

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class _Adapter:
    what: str
    folder: str
    is_one: Callable[[Shapes], bool]


_ADAPTERS = (
    _Adapter("an IP-Adapter", "controlnet", is_ip_adapter),
    _Adapter("an IP-Adapter", "controlnet", is_flux_ip),
    _Adapter("a controlnet", "controlnet", is_flow_control),
    _Adapter("a controlnet", "controlnet", lambda shapes: bool(control_names(shapes))),
    _Adapter("a style adapter of T2I-Adapter", "controlnet", is_style_adapter),
    _Adapter("a T2I-Adapter", "controlnet", lambda shapes: bool(t2i_names(shapes))),
    _Adapter(
        "a first stage (VAE)", "vae",
        lambda shapes: "decoder.conv_in.weight" in shapes and "encoder.conv_in.weight" in shapes,
    ),
    _Adapter("an image encoder of CLIP", "image_encoders", lambda shapes: PROJECTION in shapes),
    _Adapter("an embedding", "embeddings", lambda shapes: {"emb_params", "clip_g"} & set(shapes) != set()),
    _Adapter(
        "a LoRA", "loras",
        lambda shapes: any(MARKS & set(found) for found in pieces_in(shapes).values()),
    ),
)  # fmt: skip


def misplaced(shapes: Shapes) -> str | None:
    """A sentence on what a file of these names is, where it is no model but an adapter; None where it is neither."""
    found = next((adapter for adapter in _ADAPTERS if adapter.is_one(shapes)), None)
    if found is None:
        return None
    return f"It is {found.what}, and lies where models do. Put it into a folder {found.folder!r}."
