"""A request as AUTOMATIC1111's `parameters` text, which many programs and sites read.

Lossy by nature (a prompt line may look like a key); our own JSON beside it is exact. `infotext_reading`
reads it back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from webui import VERSION
from webui.contracts.conditions import AUTOMATIC_RESIZE, BALANCED, ControlUse, LoraUse
from webui.contracts.infotext_controls import NAMES_OF_RESIZES
from webui.contracts.parameters.upscaling import NO_SECOND
from webui.contracts.request import PARAMETERS, GenerationRequest

NEGATIVE = "Negative prompt:"
EXTENSIONS = "Extensions"
"""Key of the extensions that a picture was drawn with: an object of their arguments, by name."""
KEYS = "keys"
"""Beside the fields of a request's JSON: further keys, as extensions add them."""
_ORDER = (
    "steps", "sampler", "schedule", "guidance_scale", "seed", "size", "model",
    "variation_seed", "variation_strength", "denoising_strength", "image",
)  # fmt: skip
"""The order of AUTOMATIC1111's keys; `size` stands for width and height."""


@dataclass(frozen=True)
class FileHashes:
    """Short hashes of the files that a picture was drawn with, as sites know them; '' where unknown."""

    model: str = ""
    """First 10 hexadecimal digits of the file's SHA-256."""
    loras: Mapping[str, str] = field(default_factory=dict)
    """Name to the first 12 digits of the SHA-256 of the tensors' bytes."""
    embeddings: Mapping[str, str] = field(default_factory=dict)
    """Name to the first 12 digits of the file's SHA-256."""


NO_HASHES = FileHashes()
NO_KEYS: Mapping[str, str] = MappingProxyType({})


def write_infotext(
    request: GenerationRequest,
    seed: int,
    model_title: str,
    hashes: FileHashes = NO_HASHES,
    precision: str = "",
    further: Mapping[str, str] = NO_KEYS,
) -> str:
    """The text for one picture of the request, drawn with `seed`; of an unusual precision, its name.

    `further` keys stand behind all others.
    """
    loras = "".join(map(_tag, request.loras))
    lines = [" ".join(part for part in (request.prompt, loras) if part)]
    if request.negative_prompt:
        lines.append(f"{NEGATIVE} {request.negative_prompt}")
    pairs = [
        (key, value)
        for name in _ORDER
        for key, value in _pairs(request, name, seed, model_title, hashes)
        if value is not None
    ]
    pairs += [(key, value) for key, value in _others(request) if value is not None]
    pairs += [(f"ControlNet {i}", _control(use)) for i, use in enumerate(request.controls)]
    pairs += [(EXTENSIONS, json.dumps(request.extensions))] if request.extensions else []
    pairs += list(_adapter_hashes(hashes))
    pairs += [("Precision", precision)] if precision else []
    pairs += list(further.items())
    pairs.append(("Version", f"Easel {VERSION}"))
    lines.append(", ".join(f"{key}: {_quote(value)}" for key, value in pairs))
    return "\n".join(lines)


def _pairs(
    request: GenerationRequest, name: str, seed: int, model_title: str, hashes: FileHashes
) -> Iterator[tuple[str, str | None]]:
    if name == "model" and hashes.model:
        yield "Model hash", hashes.model
    yield _pair(request, name, seed, model_title)


def _adapter_hashes(hashes: FileHashes) -> Iterator[tuple[str, str]]:
    for key, known in (("Lora hashes", hashes.loras), ("TI hashes", hashes.embeddings)):
        if known:
            yield key, ", ".join(f"{name}: {hash_}" for name, hash_ in known.items())


def _pair(
    request: GenerationRequest, name: str, seed: int, model_title: str
) -> tuple[str, str | None]:
    if name == "size":
        known = request.width is not None and request.height is not None
        return "Size", f"{request.width}x{request.height}" if known else None
    if name == "denoising_strength" and request.image is None and not request.has_hires:
        return "Denoising strength", None
    if name.startswith("variation_") and request.variation_strength == 0:
        return "", None
    value = {"seed": seed, "model": model_title}.get(name, getattr(request, name))
    return PARAMETERS[name].infotext or name, _written(value)


def _others(request: GenerationRequest) -> Iterator[tuple[str, str | None]]:
    """Keys that are written only where the request differs from what everyone has."""
    yield "Seed resize from", _sides(request.seed_width, request.seed_height)
    yield "Hires resize", _sides(request.hires_width, request.hires_height)
    yield "Postprocess upscale to", _sides(request.upscale_width, request.upscale_height)
    for name, parameter in PARAMETERS.items():
        key, value = parameter.infotext, getattr(request, name)
        usual = GenerationRequest.model_fields[name].default
        if name.startswith("hires_") and not request.has_hires:
            continue
        if name.startswith("tile_") and not request.is_drawn_in_tiles:
            continue
        if name == "upscale_factor" and request.upscales_to_size:
            continue
        if name.startswith("upscaler_2") and request.upscaler_2 == NO_SECOND:
            continue
        if key is not None and name not in (*_ORDER, "negative_prompt") and value != usual:
            yield key, _written(value)


def _sides(width: int | None, height: int | None) -> str | None:
    """As AUTOMATIC1111 writes them: 0 is a side that follows from the other; None where none is given."""
    return None if width is None and height is None else f"{width or 0}x{height or 0}"


def _written(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, tuple):  # of things with several fields, such as boxes
        value = json.dumps([entry.model_dump(mode="json") for entry in value])
    return None if value is None else str(value)


def _name(adapter: str) -> str:
    """AUTOMATIC1111 names an adapter by its file alone."""
    return adapter.rsplit("/", 1)[-1]


def _tag(use: LoraUse) -> str:
    """As AUTOMATIC1111 writes it; its first number is the text encoder's."""
    numbers = [use.weight_of_text, *([] if use.text_weight is None else [use.weight])]
    written = [f"{round(number, 4):g}" for number in numbers]
    rank = [] if use.rank is None else [f"dyn={use.rank}"]
    blocks = [f"lbw={','.join(f'{share:g}' for share in use.blocks)}"] if use.blocks else []
    # Spans that brackets made of one LoRA cannot be said in one tag; their whole length is.
    ends = (use.during[0][0], use.during[-1][1]) if use.during else ()
    when = [f"{name}={end:.4f}" for name, end in zip(("start", "stop"), ends, strict=False)]
    return f"<lora:{':'.join([_name(use.adapter), *written, *rank, *blocks, *when])}>"


def _control(use: ControlUse) -> str:
    """As the ControlNet extension of AUTOMATIC1111 writes it."""
    mode = "" if use.mode == BALANCED else f", Control Mode: {use.mode}"
    automatic = use.resize_mode == AUTOMATIC_RESIZE
    resize = "" if automatic else f"Resize Mode: {NAMES_OF_RESIZES[use.resize_mode]}, "
    return (
        f"Module: none, Model: {_name(use.adapter)}, Weight: {use.weight:g}, {resize}"
        f"Guidance Start: {use.start:g}, Guidance End: {use.end:g}{mode}"
    )


def _quote(value: str) -> str:
    """In quotes where it would not end as it does, as AUTOMATIC1111 has it, or not begin as it does."""
    needs = re.search(r"[,\n:]|^[\s\"\[{]|\s$", value)
    return json.dumps(value, ensure_ascii=False) if needs else value
