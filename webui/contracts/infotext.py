"""A request as AUTOMATIC1111's `parameters` text, which many programs and sites read.

Lossy by nature (a prompt line may look like a key); our own JSON beside it is exact.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from webui.contracts.conditions import ControlUse, LoraUse
from webui.contracts.errors import InvalidField
from webui.contracts.request import PARAMETERS, GenerationRequest, parse_request

# Keys have a greatest length, so that a long prompt is not searched in quadratic time.
_PAIR = re.compile(r'\s*(\w[\w \-/]{1,60}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"^(\d+)x(\d+)$")
_SIZES = {
    "Size": ("width", "height"),
    "Seed resize from": ("seed_width", "seed_height"),
    "Hires resize": ("hires_width", "hires_height"),
}
"""Keys of which one value is two fields."""
_OTHER_KEYS = {"Eta DDIM": "eta"}
"""Further keys of a parameter, which are read but not written."""
_NEGATIVE = "Negative prompt:"
_MIN_PAIRS = 3
_ORDER = (
    "steps", "sampler", "schedule", "guidance_scale", "seed", "size", "model",
    "variation_seed", "variation_strength", "denoising_strength", "image",
)  # fmt: skip
"""The order of AUTOMATIC1111's keys; `size` stands for width and height."""


def write_infotext(request: GenerationRequest, seed: int, model_title: str) -> str:
    """The text for one picture of the request, drawn with `seed`."""
    loras = "".join(map(_tag, request.loras))
    lines = [" ".join(part for part in (request.prompt, loras) if part)]
    if request.negative_prompt:
        lines.append(f"{_NEGATIVE} {request.negative_prompt}")
    pairs = [
        (key, value)
        for name in _ORDER
        for key, value in [_pair(request, name, seed, model_title)]
        if value is not None
    ]
    pairs += [(key, value) for key, value in _others(request) if value is not None]
    pairs += [(f"ControlNet {i}", _control(use)) for i, use in enumerate(request.controls)]
    pairs.append(("Version", "Easel"))
    lines.append(", ".join(f"{key}: {_quote(value)}" for key, value in pairs))
    return "\n".join(lines)


def parse_infotext(text: str) -> GenerationRequest | None:
    """The request that the text tells of; None when it holds neither a prompt nor parameters.

    LoRAs stay in the prompt, which names them as `<lora:name:weight>`; control pictures are not in
    such a text.
    Unknown keys are left out, and so are values that we would refuse: a picture from elsewhere
    still gives its prompt.
    """
    *lines, last = text.strip().split("\n")
    pairs = _PAIR.findall(last)
    if len(pairs) < _MIN_PAIRS:
        lines, pairs = [*lines, last], []
    prompt, negative = _prompts(lines)
    if not prompt and not pairs:
        return None
    values: dict[str, object] = {"prompt": prompt, "negative_prompt": negative}
    names = {p.infotext: name for name, p in PARAMETERS.items() if p.infotext is not None}
    names |= _OTHER_KEYS
    for key, quoted in pairs:
        value = _unquote(quoted.strip())
        if key in names:
            values[names[key]] = value
        elif key in _SIZES and (size := _SIZE.match(value)):
            values |= dict(zip(_SIZES[key], (int(size[1]), int(size[2])), strict=True))
    return _without_refused(values)


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
    if request.seed_width is not None and request.seed_height is not None:
        yield "Seed resize from", f"{request.seed_width}x{request.seed_height}"
    if request.hires_width is not None or request.hires_height is not None:
        wide, high = request.hires_size(request.width or 1, request.height or 1)
        yield "Hires resize", f"{wide}x{high}"
    for name, parameter in PARAMETERS.items():
        key, value = parameter.infotext, getattr(request, name)
        usual = GenerationRequest.model_fields[name].default
        if name.startswith("hires_") and not request.has_hires:
            continue
        if key is not None and name not in (*_ORDER, "negative_prompt") and value != usual:
            yield key, _written(value)


def _written(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
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
    return (
        f"Module: none, Model: {_name(use.adapter)}, Weight: {use.weight:g}, "
        f"Guidance Start: {use.start:g}, Guidance End: {use.end:g}"
    )


def _quote(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if re.search(r"[,\n:]", value) else value


def _unquote(value: str) -> str:
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        inner = json.loads(value)
    except ValueError:
        return value
    return inner if isinstance(inner, str) else value


def _prompts(lines: list[str]) -> tuple[str, str]:
    for at, line in enumerate(lines):
        if line.startswith(_NEGATIVE):
            negative = [line[len(_NEGATIVE) :].strip(), *lines[at + 1 :]]
            return "\n".join(lines[:at]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _without_refused(values: dict[str, object]) -> GenerationRequest | None:
    try:
        return parse_request(values)
    except InvalidField as error:
        refused = {problem.field.split(".")[0] for problem in error.problems}
    kept = {name: value for name, value in values.items() if name not in refused}
    try:
        return parse_request(kept)
    except InvalidField:
        return None
