"""Merges models: a weighted sum, or what sets one apart from its origin added to another.

    sum         A (1 - m) + B m
    difference  A + m (B - C)

All in float32 and one tensor at a time. What A has and the others have not stays A's; where A reads further
input channels (inpainting models), the channels that all have are merged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.contracts.lora_keys import Place
from webui.engine.adapters.dialects.change import fits
from webui.engine.adapters.lora import LoadedLora
from webui.engine.tools.model_source import ModelSource
from webui.engine.tools.places import Layer, block_at, layers_of, ratio_of
from webui.engine.tools.writing import Planned, made_whole, write_safetensors
from webui.engine.weights import Weights

Method = Literal["sum", "difference"]
METHODS: tuple[Method, ...] = ("sum", "difference")


@dataclass(frozen=True)
class Recipe:
    """How a model is made of others; kept in what is made."""

    method: Method = "sum"
    ratio: float = 0.5
    """m of the formula, where no block says otherwise."""
    blocks: tuple[float, ...] = ()
    """Ratios of 26 blocks, as `places.block_at` names them, or none."""
    precision: torch.dtype | None = None
    """What weights are stored in; None: as in A."""
    loras: tuple[tuple[LoadedLora, float], ...] = field(default=(), repr=False)
    """What is added to A, and how strongly."""
    without: tuple[str, ...] = ()
    """Beginnings of names that are left out, such as 'model_ema.'."""


def make_model(
    target: Path, first: ModelSource, others: tuple[ModelSource, ...], recipe: Recipe
) -> None:
    """Write the model that a recipe makes; a folder where `first` is one, else a file.

    Raises:
        BadRequest: there is something at `target`, or the models are of different kinds.
    """
    _check(first, others)
    with made_whole(target) as unfinished:
        _make(unfinished, first, others, recipe)


def _make(
    target: Path, first: ModelSource, others: tuple[ModelSource, ...], recipe: Recipe
) -> None:
    metadata = {"easel_recipe": recipe_said((first, *others), recipe)}
    used: set[Place] = set()
    for relative, weights in first.files():
        rest = [other.file(relative) for other in others]
        plan = {
            name: _planned(first.part(relative), name, weights, rest, recipe, used)
            for name in weights
            if not name.startswith(recipe.without)
        }
        own = {**weights.header.metadata, **metadata}
        write_safetensors(target / relative if first.is_folder else target, plan, own)
    _check_loras(recipe, used)
    first.copy_rest(target)


def merged(tensors: list[Tensor], method: Method, ratio: float) -> Tensor:
    """The formula, float32."""
    first, second = tensors[0].float(), tensors[1].float()
    if method == "sum":
        return first * (1 - ratio) + second * ratio
    return first + (second - tensors[2].float()) * ratio


def _planned(
    part: str,
    name: str,
    weights: Weights,
    rest: list[Mapping[str, Tensor]],
    recipe: Recipe,
    used: set[Place],
) -> Planned:
    """How one tensor is made."""
    before = weights[name]
    is_number = before.dtype.is_floating_point
    dtype = recipe.precision if recipe.precision is not None and is_number else before.dtype
    layers = layers_of(part, name, weights.header.shapes)
    ratio = ratio_of(block_at(layers), recipe.blocks, recipe.ratio)
    changes = [each for layer in layers for each in _changes(layer, before, recipe)]
    used.update(each.place for each in changes)

    def make() -> Tensor:
        tensor = weights[name]
        if rest and is_number and all(name in other for other in rest):
            tensor = _merge_common(tensor, [other[name] for other in rest], recipe.method, ratio)
        if not changes:
            return tensor
        total = tensor.float().clone()
        for each in changes:
            each.add_to(total, tensor.float())
        return total

    return Planned(dtype, tuple(before.shape), make)


def _merge_common(tensor: Tensor, others: list[Tensor], method: Method, ratio: float) -> Tensor:
    """Merge what all have; A's further input channels stay. Other shapes leave A's tensor as it is."""
    if all(other.shape == tensor.shape for other in others):
        return merged([tensor, *others], method, ratio)
    shared = min(t.shape[1] if t.dim() > 1 else 0 for t in (tensor, *others))
    common = [t[:, :shared] for t in (tensor, *others)] if shared else []
    if not common or any(t.shape != common[0].shape for t in common):
        return tensor
    whole = tensor.float().clone()
    whole[:, :shared] = merged(common, method, ratio)
    return whole


@dataclass(frozen=True)
class _LayerChange:
    """What a LoRA changes of a layer."""

    lora: LoadedLora
    place: Place
    strength: float
    rows: Tensor | None
    """Of the weight that the layer is in."""

    def add_to(self, total: Tensor, weight: Tensor) -> None:
        """Add the change of a weight, float32."""
        own = weight if self.rows is None else weight[self.rows]
        change = self.lora.changes[self.place].change(own)
        strength = self.strength * self.lora.share(self.place)
        if self.rows is None:
            total.add_(change, alpha=strength)
        else:
            total.index_add_(0, self.rows, change, alpha=strength)


def _changes(layer: Layer, weight: Tensor, recipe: Recipe) -> list[_LayerChange]:
    """What LoRAs change of a layer."""
    rows = weight.shape[:1] if layer.rows is None else (len(layer.rows),)
    shape = (*rows, *weight.shape[1:])
    return [
        _LayerChange(lora, place, strength, layer.rows)
        for lora, strength in recipe.loras
        for place in layer.places
        if place in lora.changes and fits(lora.changes[place], shape)
    ]


def _check(first: ModelSource, others: tuple[ModelSource, ...]) -> None:
    for other in others:
        if other.is_folder != first.is_folder:
            raise BadRequest(
                f"{first.path.name!r} and {other.path.name!r} are not of one kind: one is a folder, the other a file."
            )
        for relative, weights in first.files():
            names = set(other.file(relative))
            if names.isdisjoint(weights):
                raise BadRequest(
                    f"{other.path.name!r} has no weight in {relative or 'it'} of the names of {first.path.name!r}: "
                    "models of one family can be merged."
                )


def _check_loras(recipe: Recipe, used: set[Place]) -> None:
    for lora, _ in recipe.loras:
        missing = [place for place in lora.changes if place not in used]
        if missing:
            raise BadRequest(
                f"The LoRA {lora.info.id!r} changes {'.'.join(missing[0])!r}, which the model has not, or in "
                "another shape. A LoRA can be put into models of the family that it was trained on."
            )


def recipe_said(sources: tuple[ModelSource, ...], recipe: Recipe) -> str:
    """The recipe as it is kept in what is made: JSON."""
    return json.dumps({
        "method": recipe.method if len(sources) > 1 else "copy",
        "models": [source.path.name for source in sources],
        "ratio": recipe.ratio, "blocks": list(recipe.blocks),
        "loras": [[lora.info.id, strength] for lora, strength in recipe.loras],
    })  # fmt: skip
