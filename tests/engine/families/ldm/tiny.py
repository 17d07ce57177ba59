"""Tiny random models in the layout of the released files, and the networks that they were written from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.engine.families.ldm.original_bert import Bert
from tests.engine.ldm_layout.original_first_stage import FirstStage, StageSizes
from tests.engine.ldm_layout.original_unet import Unet, UnetSizes, randomise
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.services.single_file import describe_file

WIDTH = 24
"""Of cross-attention tokens."""
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", ",", "a", "red", "house", "lake", "##s", "and", "the")
KL = StageSizes(z=4, mult=(1, 1, 2), layers=1)
VQ = StageSizes(z=3, mult=(1, 1, 2), layers=1, codes=40)
SMALL = UnetSizes(layers=1)
TOKENS = replace(SMALL, context=WIDTH)
HEADS = replace(SMALL, heads=8)


@dataclass(frozen=True)
class Kind:
    """One of the released models, small."""

    unet: UnetSizes
    stage: StageSizes
    betas: tuple[float, float] = (0.0015, 0.0195)
    scale: float = 1.0


def _of(sizes: UnetSizes, taken: int = 3, made: int = 3, **changes: Any) -> UnetSizes:
    """The sizes with other channels, and changes of its fields."""
    return replace(sizes, in_channels=taken, out_channels=made, **changes)


KINDS: Mapping[str, Kind] = {
    "text": Kind(_of(TOKENS, 4, 4, heads=8), KL, (0.00085, 0.012), 0.18215),
    "class": Kind(TOKENS, VQ),
    "unconditional": Kind(
        _of(SMALL, 4, 4, scale_shift=True, resblock_updown=True, attention=(1, 2)), KL, scale=0.7
    ),
    "semantic": Kind(_of(HEADS, 6, attention=(8,)), VQ, (0.0015, 0.0205)),
    "layout": Kind(_of(TOKENS, depth=3), VQ, (0.0015, 0.0205)),
    "upscale": Kind(_of(SMALL, 6), VQ, (0.0015, 0.0155)),
    "inpaint": Kind(_of(HEADS, 7, resblock_updown=True), VQ, (0.0015, 0.0205)),
    "retrieval": Kind(
        _of(TOKENS, 8, 8), StageSizes(z=8, mult=(1, 1, 2), layers=1), (0.0015, 0.015), 0.22765929
    ),
}  # fmt: skip


class Original:
    """The networks of a kind, by the names that the released files give their weights."""

    def __init__(self, name: str) -> None:
        kind = KINDS[name]
        self.kind = kind
        self.unet = Unet(kind.unet).eval()
        self.stage = FirstStage(kind.stage).eval()
        self.condition: nn.Module | None = _condition(name)
        whole = nn.ModuleDict({"model": nn.ModuleDict({"diffusion_model": self.unet})})
        whole["first_stage_model"] = self.stage
        if self.condition is not None:
            whole["cond_stage_model"] = self.condition
        randomise(whole, 1)
        self.weights: dict[str, Tensor] = dict(whole.state_dict())

    def alphas(self) -> Tensor:
        """Cumulated, of the thousand steps of training."""
        first, last = (beta**0.5 for beta in self.kind.betas)
        return torch.tensor(np.cumprod(1 - np.linspace(first, last, 1000) ** 2))

    def noise(self, x: Tensor, t: float, tokens: Tensor | None, beside: Tensor | None) -> Tensor:
        """What the denoising network takes for noise in x."""
        inputs = x if beside is None else torch.cat((x, beside), 1)
        predicted: Tensor = self.unet(inputs, torch.full((len(x),), t), tokens)
        return predicted

    def encode(self, pixels: Tensor) -> Tensor:
        """A scaled latent of pixels in [-1, 1]."""
        return self.stage.encode(pixels) * self.kind.scale

    def decode(self, latent: Tensor) -> Tensor:
        """Pixels of a scaled latent."""
        return self.stage.decode(latent / self.kind.scale)


def _condition(name: str) -> nn.Module | None:
    if name == "text":
        return nn.ModuleDict({"transformer": Bert(len(PIECES), 77, WIDTH, depth=2)})
    if name == "layout":
        return nn.ModuleDict({"transformer": Bert(8192, 92, WIDTH, depth=1)})
    if name == "class":
        return nn.ModuleDict({"embedding": nn.Embedding(1001, WIDTH)})
    if name == "semantic":
        return nn.ModuleDict({"channel_mapper": nn.Conv2d(182, 3, 1, bias=False)})
    return None


def write(
    original: Original,
    folder: Path,
    ending: str = ".safetensors",
    extra: Mapping[str, Tensor] | None = None,
    said: Mapping[str, object] | None = None,
) -> CheckpointInfo:
    """Write a model's file and what belongs beside it, and have it identified."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", "utf-8")
    weights = {**original.weights, **(extra or {})}
    if original.kind.scale == 0.7:
        weights["scale_factor"] = torch.tensor(0.7)
    file = folder / f"model{ending}"
    if ending == ".ckpt":
        torch.save({"state_dict": weights, "global_step": 3}, file)
    else:
        save_file({name: weight.contiguous() for name, weight in weights.items()}, file)
    if said is not None:
        (folder / "model.json").write_text(json.dumps(said), "utf-8")
    info = describe_file(file, ModelId(f"tiny/{folder.name}"))
    assert info is not None
    return info
