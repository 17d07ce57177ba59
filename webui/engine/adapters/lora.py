"""LoRAs: low-rank changes of a network's weights (Hu et al. 2021), merged on demand.

W + weight * (alpha / r) * up @ down, where down is (r, in) and up is (out, r). While merged, copies
of the changed weights are kept; taking the changes away puts these back, so that nothing is ever
rounded twice and a model without LoRAs is the model of its files to the bit.

The files of diffusers and PEFT name modules as the networks do, `unet.mid_block...to_q.lora_A.weight`;
kohya's join the names by underscores, `lora_unet_mid_block_..._to_q.lora_down.weight`. Both become
(part, name joined by underscores) here, which the networks' own module names are compared with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, JobFailed

UNET, TEXT, TEXT_2 = "unet", "text_encoder", "text_encoder_2"
Place = tuple[str, str]
"""Part of a model, and a module in it, its dotted name joined by underscores."""

_PREFIXES = (
    ("lora_unet_", UNET), ("lora_te1_", TEXT), ("lora_te2_", TEXT_2), ("lora_te_", TEXT),
    ("base_model.model.unet.", UNET), ("unet.", UNET), ("text_encoder.", TEXT),
    ("text_encoder_2.", TEXT_2),
)  # fmt: skip
_ENDINGS = re.compile(
    r"[._](?:lora_(?P<a>A|down)|lora_(?P<b>B|up)|lora\.(?P<c>down)|lora\.(?P<d>up))"
    r"(?:\.default)?\.weight$"
)


@dataclass(frozen=True, eq=False)
class LowRank:
    """The change of one module's weight."""

    down: Tensor
    """(r, in), or (r, in, kh, kw) of a convolution."""
    up: Tensor
    """(out, r), or (out, r, 1, 1)."""
    scale: float
    """alpha / r."""

    def change(self, weight: Tensor) -> Tensor:
        """What is added to a weight at full strength, float32 of its shape."""
        up, down = self.up.to(weight.device).float(), self.down.to(weight.device).float()
        return (up.flatten(1) @ down.flatten(1)).view(weight.shape) * self.scale

    def first_ranks(self, rank: int) -> LowRank:
        """The change of its first ranks alone; alpha / r stays that of all, as in AUTOMATIC1111."""
        return replace(self, down=self.down[:rank], up=self.up[:, :rank])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the weight that it changes; a 1x1 convolution counts as a linear layer."""
        return _plain_shape((self.up.shape[0], *self.down.shape[1:]))


@dataclass(frozen=True, eq=False)
class LoadedLora:
    """A LoRA in memory."""

    info: AdapterInfo
    changes: Mapping[Place, LowRank]
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""

    def first_ranks(self, rank: int | None) -> LoadedLora:
        """The LoRA cut down to its first ranks; itself where `rank` is None."""
        if rank is None:
            return self
        changes = {place: low.first_ranks(rank) for place, low in self.changes.items()}
        return replace(self, changes=changes, key=(self.key, rank))

    def reads(self, *parts: str) -> bool:
        """Whether it changes one of these parts of a model."""
        return any(place[0] in parts for place in self.changes)


Patches = tuple[tuple[LoadedLora, float], ...]
"""LoRAs and their weights, in the order in which they are added."""


def patch_key(patches: Patches) -> tuple[tuple[object, float], ...]:
    """Equal for equal patches; keeps no weights alive."""
    return tuple((lora.key, weight) for lora, weight in patches)


def load_lora(info: AdapterInfo, device: torch.device) -> LoadedLora:
    """Read a LoRA's file.

    Raises:
        BrokenModel: the file is missing, damaged, or of a kind that we do not merge.
    """
    try:
        with safe_open(info.path, framework="pt", device=str(device)) as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
        changes = _changes(tensors, metadata)
    except (OSError, ValueError, SafetensorError) as error:
        raise BrokenModel(
            f"The LoRA {info.id!r} cannot be loaded from {info.path!r}: "
            f"{str(error).rstrip('. ')}. Download or train it again."
        ) from error
    return LoadedLora(info, changes, sum(tensor.nbytes for tensor in tensors.values()))


class MergedWeights:
    """What is merged into the networks of one model at present."""

    def __init__(self) -> None:
        self._now: dict[str, object] = {}
        """Patches of each part, as `patch_key` has them."""
        self._kept: dict[str, list[tuple[Tensor, Tensor]]] = {}
        """Of each part: a weight that is changed, and its copy from before."""

    @torch.no_grad()
    def use(self, part: str, network: nn.Module, patches: Patches) -> None:
        """See that exactly these LoRAs are merged into a network; nothing is changed on an error.

        Raises:
            JobFailed: a LoRA is made for another network.
        """
        key = patch_key(patches)
        if self._now.get(part, ()) == key:
            return
        wanted = _wanted(part, network, patches)
        for weight, before in self._kept.pop(part, []):
            weight.copy_(before)
        self._now[part] = ()
        kept = self._kept.setdefault(part, [])
        try:
            for weight, changes in wanted:
                total = sum((low.change(weight) * share for low, share in changes), weight.float())
                kept.append((weight, weight.detach().clone()))
                weight.copy_(total)
        except BaseException:
            for weight, before in self._kept.pop(part):
                weight.copy_(before)
            raise
        self._now[part] = key


def _wanted(
    part: str, network: nn.Module, patches: Patches
) -> list[tuple[Tensor, list[tuple[LowRank, float]]]]:
    """Weights to change, and the changes of each."""
    weights = _weights(network) if patches else {}
    wanted: dict[str, list[tuple[LowRank, float]]] = {}
    for lora, share in patches:
        for (of, name), low in lora.changes.items():
            if of != part:
                continue
            weight = weights.get(name)
            if weight is None or _plain_shape(weight.shape) != low.shape:
                has = "has none" if weight is None else f"has one of shape {tuple(weight.shape)}"
                raise JobFailed(
                    f"The LoRA {lora.info.id!r} is made for another model: it changes a weight "
                    f"{name!r} of shape {low.shape} in the {part}, and this model {has}. "
                    "Take it out, or choose the model that it was trained on."
                )
            wanted.setdefault(name, []).append((low, share))
    return [(weights[name], changes) for name, changes in wanted.items()]


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights of the linear layers and convolutions, by name joined by underscores."""
    return {
        name.replace(".", "_").removeprefix("text_model_"): module.weight
        for name, module in network.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d))
    }


def _plain_shape(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape[:2] if len(shape) == 4 and tuple(shape[2:]) == (1, 1) else shape)


def _changes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[Place, LowRank]:
    halves: dict[Place, dict[str, Tensor]] = {}
    alphas: dict[Place, float] = {}
    for key, tensor in tensors.items():
        if key.endswith(".alpha"):
            alphas[_place(key.removesuffix(".alpha"))] = float(tensor)
            continue
        ending = _ENDINGS.search(key)
        if ending is None:
            raise ValueError(f"it holds {key!r}, which is no part of a plain LoRA.")
        half = "down" if ending["a"] or ending["c"] else "up"
        halves.setdefault(_place(key[: ending.start()]), {})[half] = tensor
    if not halves:
        raise ValueError("it holds no lora_A and lora_B, or lora_down and lora_up.")
    default = _metadata_alpha(metadata)
    return {
        place: _low_rank(place, pair, alphas.get(place, default(place)))
        for place, pair in halves.items()
    }


def _low_rank(place: Place, pair: Mapping[str, Tensor], alpha: float | None) -> LowRank:
    down, up = pair.get("down"), pair.get("up")
    if down is None or up is None:
        raise ValueError(f"{'.'.join(place)!r} has only one of its two matrices.")
    rank = down.shape[0]
    if down.dim() not in (2, 4) or up.dim() != down.dim() or up.flatten(1).shape[1] != rank:
        raise ValueError(
            f"the matrices of {'.'.join(place)!r} are of shapes {tuple(up.shape)} and "
            f"{tuple(down.shape)}, which cannot be multiplied."
        )
    return LowRank(down, up, 1.0 if alpha is None else alpha / rank)


def _place(name: str) -> Place:
    """Where a key without its ending points.

    Raises:
        ValueError: to no part of a Stable Diffusion model.
    """
    for prefix, part in _PREFIXES:
        if name.startswith(prefix):
            rest = name.removeprefix(prefix).replace(".", "_").removeprefix("text_model_")
            # The first diffusers named the attention processor; to_out is a list of two there.
            rest = re.sub(r"_processor_(to_[qkv]|to_out)$", r"_\1", rest.removesuffix("_lora"))
            return part, re.sub(r"_to_out$", "_to_out_0", rest)
    raise ValueError(f"it changes {name!r}, which is neither in a UNet nor in a text encoder.")


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
        for part in (UNET, TEXT, TEXT_2)
        for name, alpha in (settings.get(f"{part}.alpha_pattern") or {}).items()
    }
    alphas = {part: settings.get(f"{part}.lora_alpha") for part in (UNET, TEXT, TEXT_2)}

    def alpha_of(place: Place) -> float | None:
        part, name = place
        own = [a for (of, ending), a in patterns.items() if of == part and name.endswith(ending)]
        alpha = own[0] if own else alphas[part]
        return None if alpha is None else float(alpha)

    return alpha_of
