"""A single file in the original layout becomes a diffusers folder: the networks as the engine reads them, written out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.families import sd1_file, sdxl_file
from webui.engine.ldm_layout.first_stage import read_first_stage
from webui.engine.ldm_layout.text_encoder import read_clip, read_open_clip_with_projection
from webui.engine.ldm_layout.unet import read_unet
from webui.engine.tools.writing import Planned, write_safetensors
from webui.engine.weights import Weights, open_weights
from webui.weights.ldm_unet import UNET
from webui.weights.signatures import identify, sdxl
from webui.weights.signatures.facts import Facts, WeightsFile
from webui.weights.signatures.stable_diffusion import FIRST_STAGE

PIPELINES: Mapping[tuple[str, str], str] = {
    ("sd1", "text"): "StableDiffusionPipeline",
    ("sd1", "inpaint"): "StableDiffusionInpaintPipeline",
    ("sd1", "edit"): "StableDiffusionInstructPix2PixPipeline",
    ("sd1", "depth"): "StableDiffusionDepth2ImgPipeline",
    ("sdxl", "text"): "StableDiffusionXLPipeline",
    ("sdxl", "inpaint"): "StableDiffusionXLInpaintPipeline",
    ("sdxl", "refiner"): "StableDiffusionXLImg2ImgPipeline",
}
"""By family and task."""
OPEN_CLIP_PAD = "!"
"""Token 0: what follows a text that OpenCLIP reads."""
_TRANSFORMERS = {"CLIPTextModel", "CLIPTextModelWithProjection", "CLIPTokenizer"}


@dataclass(frozen=True)
class _Parts:
    # Any: networks of two libraries that have no base in common but nn.Module.
    networks: Mapping[str, Any]
    pads: Mapping[str, str]
    """Tokenizer to the token behind a text; '' for the end token."""
    zero_terminal_snr: bool


def to_folder(source: Path, target: Path, precision: torch.dtype | None, recipe: str) -> int:
    """Write the folder of a file.

    Args:
        source: Stable Diffusion 1, 2 or XL, their inpainting, editing, depth and refining versions.
        target: Made; nothing may be there.
        precision: Of all weights; None: as in the file.
        recipe: Kept in each file that is written.

    Returns:
        How many tensors of the file nothing draws with: they are left out.

    Raises:
        BadRequest: the file is of another family.
        BrokenModel, NotAModel: it cannot be read.
    """
    weights = open_weights(source)
    facts = identify(WeightsFile(source, weights.header, _said(source)))
    kind = facts.variant if facts.variant == sdxl.REFINER else facts.task
    pipeline = PIPELINES.get((facts.family, kind))
    if pipeline is None or facts.variant == "x4":
        raise BadRequest(
            f"{source.name!r} is of the family {facts.family!r} and made for {facts.task!r}; files of Stable Diffusion "
            "1, 2 and XL become folders."
        )
    try:
        parts = _parts(weights, facts)
    except ValueError as error:
        raise BadRequest(f"{source.name!r} cannot become a folder: {error}.") from error
    index: dict[str, Any] = {"_class_name": pipeline, "_diffusers_version": "0.42.0"}
    for name, network in parts.networks.items():
        _write_network(target / name, network, precision, recipe)
        index[name] = _entry(type(network).__name__)
    for name, pad in parts.pads.items():
        tokenizer = sd1_file.new_clip_tokenizer()
        tokenizer.model_max_length = 77
        if pad:
            tokenizer.pad_token = pad
        tokenizer.save_pretrained(target / name)
        index[name] = _entry("CLIPTokenizer")
    index["scheduler"] = ["diffusers", "DDIMScheduler"]
    _write_json(target / "scheduler" / "scheduler_config.json", _scheduler(facts, parts))
    _write_json(target / "model_index.json", index | _without(facts, parts))
    read = sum(len(network.state_dict()) for network in parts.networks.values())
    return max(0, len(weights) - read)


# Any: JSON that a person wrote.
def _said(source: Path) -> dict[str, Any]:
    beside = source.with_suffix(".json")
    said = json.loads(beside.read_text("utf-8")) if beside.is_file() else {}
    return said if isinstance(said, dict) else {}


def _parts(weights: Weights, facts: Facts) -> _Parts:
    if facts.family == sdxl.FAMILY:
        return _parts_of_xl(weights, facts)
    original = sd1_file.ORIGINALS[facts.variant]
    networks = _common(weights, facts, original.heads, original.scale)
    networks["text_encoder"] = original.read_text(weights.below(original.text))
    pad = "" if original.padding is None else OPEN_CLIP_PAD
    return _Parts(networks, {"tokenizer": pad}, sd1_file.ZERO_SNR in weights)


def _parts_of_xl(weights: Weights, facts: Facts) -> _Parts:
    networks = _common(weights, facts, sdxl_file.HEADS, sdxl_file.SCALE)
    pads = {"tokenizer_2": OPEN_CLIP_PAD}
    second = weights.below(sdxl.SECOND_TEXT[facts.variant])
    if facts.variant == sdxl.BASE:
        networks["text_encoder"] = read_clip(weights.below(sdxl.FIRST_TEXT))
        pads = {"tokenizer": "", **pads}
    networks["text_encoder_2"] = read_open_clip_with_projection(second)
    return _Parts(networks, pads, sd1_file.ZERO_SNR in weights)


# Any: as above.
def _common(weights: Weights, facts: Facts, heads: Any, scale: float) -> dict[str, Any]:
    unet: Any = read_unet(weights.below(UNET), heads)
    unet.register_to_config(sample_size=facts.native_size // facts.latent_factor)
    vae: Any = read_first_stage(weights.below(FIRST_STAGE))
    vae.register_to_config(scaling_factor=scale, sample_size=facts.native_size)
    return {"unet": unet, "vae": vae}


# Any: as above.
def _write_network(folder: Path, network: Any, precision: torch.dtype | None, recipe: str) -> None:
    library = "transformers" if type(network).__name__ in _TRANSFORMERS else "diffusers"
    folder.mkdir(parents=True)
    if library == "transformers":
        network.config.architectures = [type(network).__name__]
        network.config.save_pretrained(folder)
    else:
        network.save_config(folder)
    file = "model.safetensors" if library == "transformers" else "diffusion_pytorch_model.safetensors"  # fmt: skip
    plan: dict[str, Planned] = {}
    for name, tensor in network.state_dict().items():
        named = name
        if library == "transformers" and not name.startswith(("text_model.", "text_projection.")):
            named = f"text_model.{name}"  # as it is in every published folder
        is_number = tensor.dtype.is_floating_point
        dtype = precision if precision is not None and is_number else tensor.dtype
        plan[named] = Planned(dtype, tuple(tensor.shape), partial(_itself, tensor))
    write_safetensors(folder / file, plan, {"easel_recipe": recipe})


def _itself(tensor: Tensor) -> Tensor:
    return tensor


def _entry(kind: str) -> list[str]:
    return ["transformers" if kind in _TRANSFORMERS else "diffusers", kind]


def _scheduler(facts: Facts, parts: _Parts) -> dict[str, Any]:
    return {
        "_class_name": "DDIMScheduler", "_diffusers_version": "0.42.0", **sd1_file.BETAS,
        "num_train_timesteps": 1000, "prediction_type": facts.prediction, "clip_sample": False,
        "set_alpha_to_one": False, "steps_offset": 1,
        "timestep_spacing": "trailing" if parts.zero_terminal_snr else "leading",
        "rescale_betas_zero_snr": parts.zero_terminal_snr,
    }  # fmt: skip


def _without(facts: Facts, parts: _Parts) -> dict[str, Any]:
    """What an index says of parts that the model has not."""
    nothing = [None, None]
    if facts.family == sdxl.FAMILY:
        missing = {} if "text_encoder" in parts.networks else {"text_encoder": nothing, "tokenizer": nothing}  # fmt: skip
        told = {"requires_aesthetics_score": True} if missing else {}
        return {**missing, **told, "force_zeros_for_empty_prompt": not missing}
    if facts.task == "depth":
        return {"depth_estimator": nothing, "feature_extractor": nothing}
    return {
        "safety_checker": nothing, "feature_extractor": nothing, "image_encoder": nothing,
        "requires_safety_checker": False,
    }  # fmt: skip


# Any: JSON.
def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
