"""The systems that the papers released, at their true sizes: names and shapes of all their weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from tests.engine.families.ldm.original_bert import Bert
from tests.engine.ldm_layout.original_first_stage import FirstStage, StageSizes
from tests.engine.ldm_layout.original_unet import Unet, UnetSizes
from webui.contracts.checkpoint import Task

KL8 = StageSizes(4, 128, (1, 2, 4, 4), 2)
VQ4 = StageSizes(3, 128, (1, 2, 4), 2, codes=8192)
VQ4_BARE = StageSizes(3, 128, (1, 2, 4), 2, codes=8192, middle_attends=False)
VQ8 = StageSizes(4, 128, (1, 2, 2, 4), 2, (3,), codes=16384)
KL16 = StageSizes(16, 128, (1, 1, 2, 2, 4), 2, (4,))


@dataclass(frozen=True)
class Published:
    """A system at its true size, and what is to be said of it."""

    unet: UnetSizes
    stage: StageSizes
    task: Task
    native: int
    condition: str = ""
    width: int = 0
    rows: int = 0
    depth: int = 0


def _wide(
    taken: int, made: int, channels: int, mult: tuple[int, ...], *at: int, **of: object
) -> UnetSizes:
    return UnetSizes(taken, made, channels, mult, 2, at, **of)  # type: ignore[arg-type]


PUBLISHED = {
    "txt2img-1p4B": Published(
        _wide(4, 4, 320, (1, 2, 4, 4), 4, 2, 1, context=1280), KL8, "text", 256, "bert", 1280, 30522, 32
    ),
    "text2img256": Published(
        _wide(3, 3, 192, (1, 2, 3, 5), 8, 4, 2, context=640), VQ4, "text", 256, "bert", 640, 30522, 32
    ),
    "cin256": Published(
        _wide(4, 4, 256, (1, 2, 4), 4, 2, 1, context=512), VQ8, "class", 256, "class", 512, 1000
    ),
    "cin256-v2": Published(
        _wide(3, 3, 192, (1, 2, 3, 5), 8, 4, 2, context=512), VQ4, "class", 256, "class", 512, 1001
    ),
    "celeba256": Published(_wide(3, 3, 224, (1, 2, 3, 4), 8, 4, 2), VQ4, "unconditional", 256),
    "lsun_churches256": Published(
        _wide(4, 4, 192, (1, 2, 2, 4, 4), 1, 2, 4, 8, heads=8, scale_shift=True, resblock_updown=True),
        KL8, "unconditional", 256,
    ),
    "semantic_synthesis256": Published(
        _wide(6, 3, 128, (1, 4, 8), 32, 16, 8, heads=8), VQ4, "semantic", 256, "map", 3, 182
    ),
    "layout2img-openimages256": Published(
        _wide(3, 3, 128, (1, 2, 3, 4), 8, 4, 2, context=512, depth=3), VQ4, "layout", 256, "bert", 512, 8192, 16
    ),
    "bsr_sr": Published(_wide(6, 3, 160, (1, 2, 2, 4), 16, 8), VQ4, "upscale", 256),
    "inpainting_big": Published(
        _wide(7, 3, 256, (1, 2, 3, 4), 8, 4, 2, heads=8, resblock_updown=True), VQ4_BARE, "inpaint", 256
    ),
    "rdm768x768": Published(
        _wide(16, 16, 448, (1, 2, 3, 4), 4, 2, 1, context=768), KL16, "retrieval", 768
    ),
}  # fmt: skip


@cache
def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a system; its networks are stated in full and take no memory."""
    system = PUBLISHED[name]
    with torch.device("meta"):
        whole = nn.ModuleDict({"model": nn.ModuleDict({"diffusion_model": Unet(system.unet)})})
        whole["first_stage_model"] = FirstStage(system.stage)
        if system.condition == "bert":
            places = 92 if system.task == "layout" else 77
            bert = Bert(system.rows, places, system.width, system.depth)
            whole["cond_stage_model"] = nn.ModuleDict({"transformer": bert})
        elif system.condition == "class":
            table = nn.Embedding(system.rows, system.width)
            whole["cond_stage_model"] = nn.ModuleDict({"embedding": table})
        elif system.condition == "map":
            mapper = nn.Conv2d(system.rows, system.width, 1, bias=False)
            whole["cond_stage_model"] = nn.ModuleDict({"channel_mapper": mapper})
    return {name: tuple(weight.shape) for name, weight in whole.state_dict().items()}
