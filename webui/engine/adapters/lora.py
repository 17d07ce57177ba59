"""LoRAs in memory: changes of a model's weights, in any dialect, and when each is at work.

What a file's names mean, `contracts.lora_keys` knows; how its tensors become changes, `dialects`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.contracts.lora_blocks import share_of_block
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3, UNET, Place, split_keys
from webui.engine.adapters.dialects import changes_of
from webui.engine.adapters.dialects.change import Change, Pieces
from webui.engine.adapters.fused import parted
from webui.engine.damage import told_as_damage
from webui.engine.weights import open_weights
from webui.weights.header import WeightsHeader
from webui.weights.peft_scales import PeftScales, has_scaled_kernels, read_scales
from webui.weights.peft_turns import PeftTurns, has_peft_turns, read_turns

_PARTS = (UNET, TEXT, TEXT_2, TEXT_3)


@dataclass(frozen=True, eq=False)
class LoadedLora:
    """A LoRA in memory."""

    info: AdapterInfo
    changes: Mapping[Place, Change]
    """By module; a bias has `dialects.BIAS` behind its module's name."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    blocks: tuple[float, ...] = ()
    """Weights by block, as `contracts.lora_blocks` has them; empty is 1 everywhere."""

    def first_ranks(self, rank: int | None) -> LoadedLora:
        """The LoRA cut down to its first ranks; itself where `rank` is None."""
        if rank is None:
            return self
        changes = {place: change.first_ranks(rank) for place, change in self.changes.items()}
        return replace(self, changes=changes, key=(self.key, rank))

    def by_blocks(self, blocks: tuple[float, ...]) -> LoadedLora:
        """The LoRA with a weight for each block; itself where there are none."""
        return replace(self, blocks=blocks, key=(self.key, blocks)) if blocks else self

    def share(self, place: Place) -> float:
        """What its weight is multiplied by at a place."""
        return share_of_block(place, self.blocks)

    @property
    def reads_text(self) -> bool:
        """Whether it changes a text encoder."""
        return any(place[0] != UNET for place in self.changes)


class Patch(Protocol):
    """What is laid over a network: a LoRA, or what changes no weight and acts otherwise (a hypernetwork)."""

    @property
    def info(self) -> AdapterInfo:
        """Of its file."""
        ...

    @property
    def changes(self) -> Mapping[Place, Change]:
        """Of weights."""
        ...

    @property
    def key(self) -> object:
        """Its identity where it is not to be kept alive."""
        ...

    @property
    def reads_text(self) -> bool:
        """Whether it changes a text encoder."""
        ...

    def share(self, place: Place, /) -> float:
        """What its weight is multiplied by at a place."""
        ...


Patches = tuple[tuple[Patch, float], ...]
"""LoRAs and their weights, in the order in which they are added; hypernetworks too."""
PatchStages = tuple[tuple[int, Patches], ...]
"""(last step, counted from 1; what is at work until then), in order; empty is none at any step."""


def patch_key(patches: Patches) -> tuple[tuple[object, float], ...]:
    """Equal for equal patches; keeps no weights alive."""
    return tuple((lora.key, weight) for lora, weight in patches)


def patches_at(stages: PatchStages, step: int) -> Patches:
    """What is at work in a step, counted from 1."""
    return next((patches for until, patches in stages if step <= until), ())


def stages_from(each: Iterable[tuple[int, Patches]]) -> PatchStages:
    """Stages in their order; neighbours with equal LoRAs are one."""
    stages: list[tuple[int, Patches]] = []
    for until, patches in each:
        if stages and patch_key(stages[-1][1]) == patch_key(patches):
            stages.pop()
        stages.append((until, patches))
    return tuple(stages)


def stages_of_text(stages: PatchStages) -> PatchStages:
    """The same with those LoRAs alone that change a text encoder."""
    return stages_from(
        (until, tuple((lora, weight) for lora, weight in patches if lora.reads_text))
        for until, patches in stages
    )


def load_lora(info: AdapterInfo, device: torch.device) -> LoadedLora:
    """Read a LoRA's file.

    Raises:
        BrokenModel: the file is missing, damaged, or of a kind that we do not merge.
    """
    with told_as_damage(f"The LoRA {info.id!r}", info.path):
        file = open_weights(Path(info.path))
        # Copies: a file may be replaced while it is mapped.
        tensors = {name: file[name].to(device, copy=True) for name in file}
        said = _read_beside(Path(info.path), file.header)
        changes = _changes(tensors, file.header.metadata, said)
    return LoadedLora(info, changes, sum(tensor.nbytes for tensor in tensors.values()))


@dataclass(frozen=True)
class _Beside:
    """What PEFT's configuration beside a file says, where the file needs it."""

    turns: PeftTurns | None = None
    scales: PeftScales | None = None


def _read_beside(path: Path, header: WeightsHeader) -> _Beside:
    if has_peft_turns(header.shapes):
        return _Beside(turns=read_turns(path))
    return _Beside(scales=read_scales(path) if has_scaled_kernels(header.shapes) else None)


def _changes(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], said: _Beside
) -> dict[Place, Change]:
    pieces: dict[Place, dict[str, Tensor]] = {}
    on_input: dict[Place, bool] = {}
    for key, (place, piece) in split_keys(tensors).items():
        pieces.setdefault(place, {})[piece] = tensors[key]
        if said.scales is not None:
            on_input[place] = said.scales.on_input(key)
    if not pieces:
        raise ValueError("it holds no tensors of a LoRA, such as lora_down and lora_up.")
    default = _metadata_alpha(metadata)
    changes: dict[Place, Change] = {}
    for (part, name), found in pieces.items():
        stated = found.pop("alpha", None)
        alpha = default((part, name)) if stated is None else float(stated)
        for own, cut in parted(name, found) if part == UNET else ((name, found),):
            given = Pieces(f"{part}.{own}", cut, alpha, said.turns, on_input.get((part, name)))
            for ending, change in changes_of(given):
                changes[part, own + ending] = change
    return changes


def _metadata_alpha(metadata: Mapping[str, str]) -> Callable[[Place], float | None]:
    """The alpha that the file's header states, by place; None where it is the rank.

    Either `alpha`, or the settings of PEFT as diffusers writes them.
    """
    stated = metadata.get("alpha")
    if stated is not None:
        return lambda _: float(stated)
    settings = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    patterns = {
        (part, name.replace(".", "_")): float(alpha)
        for part in _PARTS
        for name, alpha in (settings.get(f"{part}.alpha_pattern") or {}).items()
    }
    alphas = {part: settings.get(f"{part}.lora_alpha") for part in _PARTS}

    def alpha_of(place: Place) -> float | None:
        part, name = place
        own = [a for (of, ending), a in patterns.items() if of == part and name.endswith(ending)]
        alpha = own[0] if own else alphas.get(part)
        return None if alpha is None else float(alpha)

    return alpha_of
