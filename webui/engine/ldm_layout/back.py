"""Networks of diffusers and transformers in the original layout again: the tables of this package, read backwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.ldm_layout import first_stage
from webui.engine.ldm_layout.text_encoder import OPEN_CLIP, OPEN_CLIP_LAYER
from webui.engine.ldm_layout.unet_places import RESNET, BlockPlan, places_of

_OLD_ATTENTION = {"query": "q", "key": "k", "value": "v", "proj_attn": "proj_out"}
"""Within an attention of a first stage, as older versions of diffusers wrote it."""
_HALVES = ("q", "k", "v")


@dataclass(frozen=True)
class Made:
    """A tensor of the original layout."""

    of: tuple[str, ...]
    """Names of those that it is made of."""
    make: Callable[..., Tensor]
    """From these, in order."""


Plan = dict[str, Made]
"""By original name."""


def unet_back(names: Iterable[str]) -> Plan:
    """A UNet2DConditionModel's weights.

    Raises:
        ValueError: one has no place in the original layout.
    """
    names = list(names)
    levels = _count(names, r"down_blocks\.(\d+)\.")
    attends = {m[1] for name in names if (m := re.match(r"(up_blocks\.\d+\.attentions\.\d+)\.", name))}  # fmt: skip
    layers = _count(names, r"down_blocks\.0\.resnets\.(\d+)\.")
    plan = BlockPlan(
        levels,
        layers,
        up_attends=tuple(
            tuple(
                f"up_blocks.{levels - 1 - level}.attentions.{layer}" in attends
                for layer in range(layers + 1)
            )
            for level in range(levels)
        ),
        attention="transformer",
    )
    places = {place.ours: place for place in places_of(plan)}
    within = {ours: original for original, ours in RESNET.items()}
    made: Plan = {}
    for name in names:
        at = next((block for block in _blocks(name) if block in places), None)
        if at is None:
            raise ValueError(f"its denoising network has a weight {name!r}, which has no place in a single file")  # fmt: skip
        module, _, what = name[len(at) + 1 :].rpartition(".")
        if places[at].kind == "resnet":
            module = within.get(module, module)
        inner = f"{module}.{what}" if module else what
        made[f"{places[at].original}.{inner}"] = _same(name)
    return made


def first_stage_back(names: Iterable[str]) -> Plan:
    """An AutoencoderKL's weights; those of an attention become convolutions over single pixels."""
    names = list(names)
    levels = _count(names, r"encoder\.down_blocks\.(\d+)\.")
    layers = _count(names, r"encoder\.down_blocks\.0\.resnets\.(\d+)\.")
    places = {ours: original for original, ours in first_stage.places(levels, layers)}
    resnet, ends, attention = map(
        _backwards, (first_stage.RESNET, first_stage.ENDS, first_stage.ATTENTION)
    )
    made: Plan = {}
    for name in names:
        at = next((block for block in _blocks(name) if block in places), None)
        if at is None:
            module, _, what = name.rpartition(".")
            above, _, part = module.rpartition(".")
            made[f"{above}{'.' if above else ''}{ends.get(part, part)}.{what}"] = _same(name)
            continue
        module, _, what = name[len(at) + 1 :].rpartition(".")
        if ".attentions." not in at:
            made[f"{places[at]}.{resnet.get(module, module)}.{what}"] = _same(name)
            continue
        own = _OLD_ATTENTION.get(module) or attention.get(module, module)
        flat = own != "norm" and what == "weight"
        made[f"{places[at]}.{own}.{what}"] = Made((name,), _over_pixels) if flat else _same(name)
    return made


def clip_back(names: Iterable[str]) -> Plan:
    """CLIP's text encoder, whose names are the same but for `text_model.` at their beginning."""
    plain = {name.removeprefix("text_model."): name for name in names if "position_ids" not in name}
    return {f"text_model.{own}": _same(name) for own, name in plain.items() if "projection" not in own}  # fmt: skip


def open_clip_back(names: Iterable[str], unread: int = 0) -> Plan:
    """OpenCLIP's text encoder.

    Args:
        names: By transformers.
        unread: Layers that follow in the original and that nobody reads; copies of the last stand for them.

    Returns:
        What the names give; without `text_projection` where they have none.
    """
    plain = {name.removeprefix("text_model."): name for name in names if "position_ids" not in name}
    outside = {ours: theirs for theirs, ours in OPEN_CLIP.items()}
    layer = {ours: theirs for theirs, ours in OPEN_CLIP_LAYER.items()}
    count = _count(plain, r"encoder\.layers\.(\d+)\.")
    made: Plan = {}
    for own, name in plain.items():
        if own in outside:
            made[outside[own]] = _same(name)
        elif own == "text_projection.weight":
            made["text_projection"] = Made((name,), lambda weight: weight.T)
        elif (at := re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", own)) is not None:
            number, module, what = int(at[1]), at[2], at[3]
            for place in (number, *(range(count, count + unread) if number == count - 1 else ())):
                block = f"transformer.resblocks.{place}."
                if module.startswith("self_attn.") and module != "self_attn.out_proj":
                    parts = tuple(
                        name.replace(module, f"self_attn.{half}_proj") for half in _HALVES
                    )
                    made[f"{block}attn.in_proj_{what}"] = Made(parts, _together)
                else:
                    made[f"{block}{layer.get(module, module)}.{what}"] = _same(name)
    return made


def _same(name: str) -> Made:
    return Made((name,), lambda weight: weight)


def _over_pixels(weight: Tensor) -> Tensor:
    return weight[..., None, None] if weight.dim() == 2 else weight


def _together(*parts: Tensor) -> Tensor:
    return torch.cat(parts)


def _backwards(table: Mapping[str, str]) -> dict[str, str]:
    return {theirs: own for own, theirs in table.items()}


def _blocks(name: str) -> Iterable[str]:
    """Every module that a weight lies in, the innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _count(names: Iterable[str], pattern: str) -> int:
    return 1 + max((int(m[1]) for name in names if (m := re.match(pattern, name))), default=-1)
