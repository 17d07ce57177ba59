"""What a `parameters` text of AUTOMATIC1111, Forge, SD.Next or Civitai tells, as a request.

Nothing is silently lost: a key that means nothing here, and a value that we would refuse, is in `others`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from webui.contracts.errors import InvalidField
from webui.contracts.infotext import EXTENSIONS
from webui.contracts.infotext_pairs import InfotextParts, split_infotext
from webui.contracts.parameters.upscaling import LANCZOS
from webui.contracts.request import PARAMETERS, GenerationRequest, parse_request

_SIZE = re.compile(r"(\d+)\s*x\s*(\d+)")
_SIZES = {
    "size": ("width", "height"),
    "seed resize from": ("seed_width", "seed_height"),
    "hires resize": ("hires_width", "hires_height"),
    "hires fixed": ("hires_width", "hires_height"),
    "postprocess upscale to": ("upscale_width", "upscale_height"),
}
"""Keys of which one value is two fields; 0 is a side that is not given."""
_LISTS = ("boxes", "regions")
"""Fields of which the value is JSON."""
_ALIASES = {
    "eta ddim": "eta",
    "scheduler": "schedule",
    "cfg": "guidance_scale",
    "cfg end": "guidance_end",
    "cfg rescale": "guidance_rescale",
    "guidance": "guidance_scale",
    "variation strength": "variation_strength",
    "hires scale": "hires_scale",
    "hires strength": "denoising_strength",
    "hires negative": "hires_negative_prompt",
    "refiner start": "refiner_switch_at",
    "tome": "token_merging_ratio",
}
"""Other programs' keys of our fields, lower case; they are read but not written."""
_SILENT = ("version", "app", "model hash", "lora hashes", "ti hashes", "hashes", "vae hash", "user",
           "created date", "operations", "pipeline", "lora weights")  # fmt: skip
"""Keys, lower case, that change no picture: of them nobody need be told."""
_MODELS = ("model", "refiner", "hires_model")
_HASH_BEHIND = re.compile(r"\s*\[[0-9a-fA-F]{6,64}\]$")
_FIELDS = {p.infotext.lower(): name for name, p in PARAMETERS.items() if p.infotext} | _ALIASES


@dataclass(frozen=True)
class ToldRequest:
    """What a text tells."""

    request: GenerationRequest
    """LoRAs stay in the prompt, which names them; pictures are in no text, and controls without theirs (`infotext_controls`) in `others`."""
    model_hash: str = ""
    """Of the model's file, shortened; '' where the text has none."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Keys and values that the request has no place for, as they are written."""
    exact: bool = False
    """Whether the request is whole, as our own JSON has it."""


def read_infotext(text: str) -> ToldRequest | None:
    """What the text tells; None when it holds neither a prompt nor parameters."""
    parts = split_infotext(text)
    if not (parts.prompt or parts.negative_prompt or parts.pairs):
        return None
    values: dict[str, object] = {
        "prompt": parts.prompt, "negative_prompt": parts.negative_prompt,
    }  # fmt: skip
    keys: dict[str, tuple[str, str]] = {}
    others: dict[str, str] = {}
    for key, value in parts.pairs:
        found = _fields(key, value)
        if key.lower() == "civitai resources" and (name := _checkpoint_in(value)):
            values.setdefault("model", name)
        values |= found
        keys |= dict.fromkeys(found, (key, value))
        if not found and key.lower() not in _SILENT:
            others[key] = value
    request, refused = _without_refused(values)
    if request is None:
        return None
    others |= dict(keys[name] for name in refused if name in keys)
    return ToldRequest(request, _model_hash(parts), others)


def _fields(key: str, value: str) -> dict[str, object]:
    """Fields of a request that a pair sets; none where it means nothing to us."""
    lower = key.lower()
    if lower in _SIZES:
        size = _SIZE.fullmatch(value)
        numbers = (int(size[1]), int(size[2])) if size else ()
        return {n: v for n, v in zip(_SIZES[lower], numbers, strict=False) if v > 0}
    if key == EXTENSIONS:
        named = _json_in(value)
        return {"extensions": named} if isinstance(named, dict) else {}
    name = _FIELDS.get(lower)
    if name is None:
        return {}
    if name in _LISTS:
        listed = _json_in(value)
        return {name: listed} if isinstance(listed, list) else {}
    return {name: _HASH_BEHIND.sub("", value) if name in _MODELS else value}


def _json_in(value: str) -> object:
    """What a value of a picture of ours says; None where it is no JSON, which means nothing to us."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _checkpoint_in(resources: str) -> str:
    """The name of the checkpoint among Civitai's resources, which are JSON; '' where there is none."""
    listed = _json_in(resources)
    entries = (
        [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
    names = [entry.get("modelName") for entry in entries if entry.get("type") == "checkpoint"]
    return str(names[0] or "") if names else ""


def _model_hash(parts: InfotextParts) -> str:
    told = {key.lower(): value for key, value in parts.pairs}
    return told.get("model hash", "").lower()


def _without_refused(values: dict[str, object]) -> tuple[GenerationRequest | None, set[str]]:
    """The request of what we would take; and the names of what we would not."""
    refused: set[str] = set()
    for _ in range(2):
        kept = {name: value for name, value in values.items() if name not in refused}
        if "hires_upscaler" in refused:
            # A network that is not here: enlarging without one is nearest to it, latent is far.
            kept["hires_upscaler"] = LANCZOS
        try:
            return parse_request(kept), refused
        except InvalidField as error:
            refused |= {problem.field.split(".")[0] for problem in error.problems}
    return None, refused
