"""The ordered table of model families that the engine can load."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

import torch

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import NotAModel
from webui.contracts.parameters.extension_arguments import offered_by
from webui.engine.damage import told_as_damage
from webui.engine.model import LoadedModel
from webui.engine.packed.layers import Room
from webui.engine.packed.mapping import files_behind
from webui.engine.shared_networks import Place, SharedNetworks
from webui.engine.stage import Apart
from webui.engine.weights import read_ahead


class Load(Protocol):
    """Reads a checkpoint into memory."""

    def __call__(self, checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
        """What damaged files raise may pass: `load_model` brings it into a sentence."""
        ...


@dataclass(frozen=True)
class Family:
    """A kind of model that needs code of its own."""

    id: str
    """As in `CheckpointInfo.family`."""
    module: str
    """Has a function `load`; imported with the first model, for it imports diffusers (2 s)."""


FAMILIES: tuple[Family, ...] = (
    Family("sd1", "webui.engine.families.sd1"),
    Family("sdxl", "webui.engine.families.sdxl"),
    Family("sd3", "webui.engine.families.sd3"),
    Family("flux", "webui.engine.families.flux"),
    Family("ldm-sr", "webui.engine.families.ldm_sr"),
    Family("ldm", "webui.engine.families.ldm.load"),
)


def load_model(
    checkpoint: CheckpointInfo,
    device: torch.device,
    shared: SharedNetworks | None = None,
    lean: bool = False,
    added: Mapping[str, Load] = MappingProxyType({}),
    room_bytes: int | None = None,
) -> LoadedModel:
    """Load a checkpoint by its family.

    Args:
        checkpoint: What to load.
        device: Where it computes.
        shared: Has the networks of other models that are in memory.
        lean: Whether weights stay in the half precision of their files.
        added: Loads families of extensions, by their whole names.
        room_bytes: Of a lean model on a GPU: what its layers may take there.

    Raises:
        NotAModel: no family has this id.
        BrokenModel: the files are damaged.
        HookFailed: the family is an extension's, which failed.
    """
    room = None if room_bytes is None else Room(room_bytes)
    place = Place(device, shared or SharedNetworks(), lean=lean, room=room)
    return _loaded(added.get(checkpoint.family) or find_loader(checkpoint), checkpoint, place)


def load_apart(
    checkpoint: CheckpointInfo, device: torch.device, shared: SharedNetworks
) -> LoadedModel:
    """Load a checkpoint whose networks are on the device in turn: what reads prompts, and what draws.

    Args:
        checkpoint: What to load; of a family of Easel's own.
        device: Where it computes.
        shared: Has the networks of other models, and the stage, whose room is to be set.

    Raises:
        NotAModel, BrokenModel: as `load_model`.
    """
    place = Place(device, shared, apart=True)
    model = _loaded(find_loader(checkpoint), checkpoint, place)
    eye = None if model.variations is None else model.variations.encoder.net
    draws = [network for network in model.networks if network in (model.unet, model.vae, eye)]
    reads = [network for network in model.networks if network not in draws]
    apart = Apart(shared.stage, tuple(reads), tuple(draws))
    return replace(model, apart=apart, bytes=apart.bytes)


def _loaded(load: Load, checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    read_ahead([Path(checkpoint.path)])
    with told_as_damage(f"The model {checkpoint.id!r}", checkpoint.path):
        model = load(checkpoint, place)
    networks = place.networks
    files = files_behind(networks)
    return replace(model, networks=networks, merged=place.shared.merged, files=files)


def find_loader(checkpoint: CheckpointInfo) -> Load:
    """The load function of a checkpoint's family.

    Raises:
        NotAModel: no family has this id.
    """
    for family in FAMILIES:
        if family.id == checkpoint.family:
            return cast("Load", importlib.import_module(family.module).load)
    if (extension := offered_by(checkpoint.family)) is not None:
        raise NotAModel(
            f"The model {checkpoint.id!r} is of a family of the extension {extension!r}, which is not in use or could "
            "not be loaded. Look at the Extensions tab, or choose another model."
        )
    known = ", ".join(family.id for family in FAMILIES)
    raise NotAModel(
        f"The model {checkpoint.id!r} is of family {checkpoint.family!r}; "
        f"this worker loads {known}."
    )


def import_families() -> None:
    """Import what loading needs, ahead of the first load."""
    for family in FAMILIES:
        importlib.import_module(family.module)
