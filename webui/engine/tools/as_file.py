"""A diffusers folder becomes a single file in the original layout, tensor by tensor.

Such a file does not say everything that a folder can: heads of attention, scale of latents, noise schedule are
those of the published models. A folder that has others is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.families import sd1_file, sdxl_file
from webui.engine.ldm_layout.back import (
    Made,
    Plan,
    clip_back,
    first_stage_back,
    open_clip_back,
    unet_back,
)
from webui.engine.tools.as_folder import PIPELINES
from webui.engine.tools.model_source import ModelSource
from webui.engine.tools.writing import Planned, write_safetensors
from webui.weights.ldm_heads import Heads
from webui.weights.ldm_unet import UNET
from webui.weights.signatures import sdxl
from webui.weights.signatures.prediction import VELOCITY
from webui.weights.signatures.sdxl import VELOCITY_MARK
from webui.weights.signatures.stable_diffusion import CLIP, FIRST_STAGE, OPEN_CLIP

_NEAR = 1e-6
_KNOWN = frozenset((*PIPELINES.values(), "StableDiffusionImg2ImgPipeline"))
_SAYS = {"epsilon": "epsilon", VELOCITY: "v"}
"""As `modelspec.prediction_type` has it."""


@dataclass(frozen=True)
class _Published:
    """What a single file of a kind is taken to have."""

    architecture: str
    heads: Heads
    scale: float


_V1 = _Published("stable-diffusion-v1", Heads(count=8), sd1_file.SCALE)
_V2 = _Published("stable-diffusion-v2", Heads(width=64), sd1_file.SCALE)
_XL = _Published("stable-diffusion-xl-v1-base", sdxl_file.HEADS, sdxl_file.SCALE)


def to_file(source: ModelSource, target: Path, precision: torch.dtype | None, recipe: str) -> None:
    """Write the single file of a folder.

    Args:
        source: Stable Diffusion 1, 2 or XL, their inpainting, editing, depth and refining versions.
        target: Nothing may be there.
        precision: Of all weights; None: as in the folder.
        recipe: Kept in the file.

    Raises:
        BadRequest: the folder is of another kind, or has what a single file cannot say.
        BrokenModel, NotAModel: it cannot be read.
    """
    index = source.config("model_index.json")
    pipeline = str(index.get("_class_name"))
    if pipeline not in _KNOWN or source.config("easel.json").get("classes"):
        raise _cannot(source, f"it is made for {pipeline!r}")
    texts = {name: source.config(f"{name}/config.json") for name in ("text_encoder", "text_encoder_2")}  # fmt: skip
    published = _published(pipeline, texts)
    scheduler = source.config("scheduler/scheduler_config.json")
    for reason in _unsaid(source, published, scheduler):
        raise _cannot(source, reason)
    prefixes = _prefixes(published, bool(texts["text_encoder"]))
    planned: dict[str, Planned] = {}
    try:
        for part, prefix in prefixes.items():
            weights = source.weights(part)
            planned |= _planned(prefix, _back(part, prefix, weights), weights, precision)
    except ValueError as error:
        raise _cannot(source, str(error)) from error
    prediction = str(scheduler.get("prediction_type", "epsilon"))
    zero = bool(scheduler.get("rescale_betas_zero_snr"))
    for mark, holds in ((VELOCITY_MARK, prediction == VELOCITY), (sd1_file.ZERO_SNR, zero)):
        if holds:
            planned[mark] = Planned(torch.float32, (0,), partial(torch.empty, 0))
    told = {
        "easel_recipe": recipe, "modelspec.architecture": published.architecture,
        "modelspec.prediction_type": _SAYS[prediction],
    }  # fmt: skip
    write_safetensors(target, planned, told)


def _published(pipeline: str, texts: Mapping[str, Mapping[str, Any]]) -> _Published:
    if "XL" in pipeline:
        return _XL
    return _V2 if texts["text_encoder"].get("hidden_act") == "gelu" else _V1


def _prefixes(published: _Published, has_first: bool) -> dict[str, str]:
    """Where each part is in the file."""
    common = {"unet": UNET, "vae": FIRST_STAGE}
    if published is not _XL:
        return common | {"text_encoder": CLIP if published is _V1 else OPEN_CLIP}
    if not has_first:
        return common | {"text_encoder_2": sdxl.SECOND_TEXT[sdxl.REFINER]}
    first = sdxl.FIRST_TEXT.removesuffix("text_model.")
    return common | {"text_encoder": first, "text_encoder_2": sdxl.SECOND_TEXT[sdxl.BASE]}


def _back(part: str, prefix: str, names: Iterable[str]) -> Plan:
    if part == "unet":
        return unet_back(names)
    if part == "vae":
        return first_stage_back(names)
    if prefix.endswith("transformer."):
        return clip_back(names)
    return open_clip_back(names, unread=1 if prefix == OPEN_CLIP else 0)


def _planned(
    prefix: str, plan: Plan, weights: Mapping[str, Tensor], precision: torch.dtype | None
) -> dict[str, Planned]:
    planned: dict[str, Planned] = {}
    for name, made in plan.items():
        with torch.device("meta"):
            like = made.make(*(torch.empty_like(weights[own], device="meta") for own in made.of))
        is_number = like.dtype.is_floating_point
        dtype = precision if precision is not None and is_number else like.dtype
        planned[prefix + name] = Planned(dtype, tuple(like.shape), partial(_make, made, weights))
    return planned


def _make(made: Made, weights: Mapping[str, Tensor]) -> Tensor:
    return made.make(*(weights[own] for own in made.of))


def _unsaid(
    source: ModelSource, published: _Published, scheduler: Mapping[str, Any]
) -> Iterator[str]:
    """What the folder has and the file would not say."""
    unet, vae = source.config("unet/config.json"), source.config("vae/config.json")
    channels = unet.get("block_out_channels", ())
    given = unet.get("num_attention_heads") or unet.get("attention_head_dim", 8)
    heads = list(given) if isinstance(given, list) else [given] * len(channels)
    usual = [published.heads.of(width) for width in channels]
    if heads != usual:
        yield f"its attention has {heads} heads by level, where such a file is taken to have {usual}"
    scale = float(vae.get("scaling_factor", published.scale))
    if abs(scale - published.scale) > _NEAR:
        yield f"its latents are scaled by {scale:g}, where such a file is taken to have {published.scale:g}"
    for name, value in sd1_file.BETAS.items():
        own = scheduler.get(name)
        if own != value:
            yield f"the {name} of its noise schedule is {own!r}, where such a file is taken to have {value!r}"  # fmt: skip
    for part, config in (("unet", unet), ("vae", vae)):
        if config.get("norm_num_groups", 32) != 32:
            yield f"the {part} normalises in {config['norm_num_groups']} groups, where such a file is taken to have 32"  # fmt: skip
    if scheduler.get("prediction_type", "epsilon") not in _SAYS:
        yield f"it predicts {scheduler.get('prediction_type')!r}"


def _cannot(source: ModelSource, why: str) -> BadRequest:
    return BadRequest(
        f"{source.path.name!r} cannot become a single file: {why}. Folders of Stable Diffusion 1, 2 and XL with the "
        "published settings can."
    )
