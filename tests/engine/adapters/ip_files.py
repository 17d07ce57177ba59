"""Tiny IP-Adapters and image encoders on disk, in the names of the published files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPVisionConfig
from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.ip_adapter import cross_attentions
from webui.engine.model import LoadedModel
from webui.services.control_files import describe_control_file
from webui.services.image_encoder_files import describe_image_encoder_folder

POOLED, PATCH, SIDE = 12, 32, 32
"""Of the tiny image encoder: widths of what it says, and pixels of what it sees."""
HEAD = 64
"""The published resamplers' heads are so wide, and their files do not tell."""


def write_encoder(folder: Path, width: int = PATCH, pooled: int = POOLED) -> AdapterInfo:
    """As transformers' folders are: its configuration, and its weights under their published names."""
    folder.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = CLIPVisionConfig(
            hidden_size=width, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
            projection_dim=pooled, image_size=SIDE, patch_size=8, hidden_act="gelu",
        )  # fmt: skip
        net = CLIPVisionModelWithProjection(config)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    state = net.state_dict()
    assert "vision_model.encoder.layers.0.self_attn.q_proj.weight" in state
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), "model_type": "clip_vision_model"}))  # fmt: skip
    info = describe_image_encoder_folder(folder, AdapterId(f"image_encoders/{folder.name}"))
    assert info is not None
    return info


@dataclass(frozen=True)
class IpSizes:
    """What kind of tiny IP-Adapter."""

    layout: str = "plain"
    tokens: int = 4
    depth: int = 4
    """Blocks of a resampler; diffusers reads four."""
    seed: int = 0


def ip_state(places: list[tuple[int, int]], sizes: IpSizes = IpSizes()) -> dict[str, Tensor]:
    """Random weights for cross-attentions of these (inner, text) widths, under the published names."""
    text = places[0][1]
    shapes = {f"image_proj.{n}": s for n, s in _projection(text, sizes).items()}
    for number, (inner, _) in enumerate(places):
        for part in ("to_k_ip", "to_v_ip"):
            shapes[f"ip_adapter.{2 * number + 1}.{part}.weight"] = (inner, text)
    generator = torch.Generator().manual_seed(sizes.seed)
    return {name: 0.4 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def _projection(text: int, sizes: IpSizes) -> dict[str, tuple[int, ...]]:
    norm: dict[str, tuple[int, ...]] = {"weight": (text,), "bias": (text,)}
    if sizes.layout == "plain":
        wide = sizes.tokens * text
        own = {"proj.weight": (wide, POOLED), "proj.bias": (wide,)}
        return own | {f"norm.{n}": s for n, s in norm.items()}
    if sizes.layout == "full":
        return {
            "proj.0.weight": (PATCH, PATCH), "proj.0.bias": (PATCH,),
            "proj.2.weight": (text, PATCH), "proj.2.bias": (text,),
            **{f"proj.3.{n}": s for n, s in norm.items()},
        }  # fmt: skip
    inner, width = 2 * HEAD, 24
    shapes: dict[str, tuple[int, ...]] = {
        "latents": (1, sizes.tokens, width),
        "proj_in.weight": (width, PATCH), "proj_in.bias": (width,),
        "proj_out.weight": (text, width), "proj_out.bias": (text,),
        **{f"norm_out.{n}": s for n, s in norm.items()},
    }  # fmt: skip
    for layer in range(sizes.depth):
        shapes |= {
            f"layers.{layer}.{name}": shape
            for name, shape in {
                "0.norm1.weight": (width,), "0.norm1.bias": (width,), "0.norm2.weight": (width,),
                "0.norm2.bias": (width,), "0.to_q.weight": (inner, width),
                "0.to_kv.weight": (2 * inner, width), "0.to_out.weight": (width, inner),
                "1.0.weight": (width,), "1.0.bias": (width,), "1.1.weight": (4 * width, width),
                "1.3.weight": (width, 4 * width),
            }.items()
        }  # fmt: skip
    return shapes


def write_ip_adapter(file: Path, model: LoadedModel, sizes: IpSizes = IpSizes()) -> AdapterInfo:
    """One that fits a model."""
    # Any: diffusers' attentions.
    places: list[Any] = cross_attentions(model.unet)
    state = ip_state([(each.inner_dim, each.cross_attention_dim) for each in places], sizes)
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".bin":
        nested: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
        for name, tensor in state.items():
            group, _, own = name.partition(".")
            nested[group][own] = tensor
        torch.save(nested, file)
    else:
        save_file(state, file)
    return describe_control_file(file, AdapterId(f"ipadapter/{file.stem}"))
