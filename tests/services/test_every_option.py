"""Every option of a request is in the picture's file and comes back from it, in every format and in both texts."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any

import pytest

from tests.told import told_request
from webui.contracts.drafts import PictureDraft
from webui.contracts.ids import JobId, PictureId
from webui.contracts.preferences import PictureFormat
from webui.contracts.request import PARAMETERS, GenerationRequest, limits, parse_request
from webui.hooks.builtin.png_metadata import picture_metadata
from webui.services.metadata import read_metadata
from webui.services.picture_files import encoded

FORMATS: tuple[PictureFormat, ...] = ("PNG", "WebP", "JPEG")
A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
AWKWARD = (
    'a, b: "c"', "two\nlines, and Steps: 3", '"quoted"', "[one, two", "{a|b} c", "\\back\\slash\\",
    "лодка 船 🚤", "3", "None", "a [0123abcdef] b",
)  # fmt: skip
"""Texts that a line of `Key: value` pairs can be misread in."""
BASE = {"prompt": "a boat", "model": "m", "seed": 5, "width": 128, "height": 64}
SPECIAL: Mapping[str, tuple[Any, ...]] = {
    "prompt": ("a: b, (c:1.2)\n\nsecond, line", "лодка 船 🚤", ""),
    "negative_prompt": ("two\nlines: here", "rain, Seed: 3"),
    "model": ("folder/sub folder/name v1.5", 'odd, "name": here'),
    "image": (A,), "mask": (B,), "class_map": (C,), "depth_map": (D,),
    "background": ("#12aB3f",),
    "batch": ("night-1_a",),
    "boxes": ([{"label": 'a "big", old: house', "left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.9}],),
    "regions": ([{"value": 3, "name": "sea", "prompt": "waves, foam: [white]", "weight": 1.5}],),
    "controls": ([{
        "adapter": "starter/controlnet-edges", "image": D, "weight": 0.7, "mask": C, "kind": "edges",
        "mode": "My prompt is more important", "start": 0.1, "end": 0.6,
    }],),
    "loras": ([{
        "adapter": "chalk", "weight": -0.5, "text_weight": 0.25, "rank": 4, "blocks": [0.5] * 12,
        "during": [[0.25, 0.5]],
    }],),
    "texts": ([{"prompt": "a red boat", "negative_prompt": "rain", "loras": [{"adapter": "chalk"}]}],),
    "styles": (["ink", "a, b: c"],),
    "extensions": ({"midpoint": {"share": 0.5, "words": 'a, "b": c', "list": [1, None]}},),
    "plot": ({"x": {"axis": "steps", "values": "1-5"}, "margin": 3},),
}  # fmt: skip
"""Values of fields that have a form of their own."""
BESIDE: Mapping[str, Mapping[str, Any]] = {
    "variation_": {"variation_strength": 0.5},
    "hires_": {"hires_scale": 2.0},
    "tile_": {"upscaler": "Diffusion in tiles"},
    "upscaler_2": {"upscaler_2": "Lanczos", "upscaler_2_visibility": 0.25},
    "denoising_strength": {"image": A},
}
"""Beginnings of names of fields that mean something beside others only, and those."""
NOT_IN_THE_TEXT: Mapping[str, str] = {
    "mask": "a picture, which has a name in this studio alone",
    "class_map": "a picture, which has a name in this studio alone",
    "depth_map": "a picture, which has a name in this studio alone",
    "controls": "its units are told as AUTOMATIC1111's ControlNet tells them, which is without pictures",
    "loras": "told as words of the prompt, where other programs look for them",
    "styles": "told as words of the prompt, which pasting finds again",
    "texts": "told as the prompt: a text is of one picture",
    "count": "a text is of one picture",
    "plot": "told of a grid, in JSON alone",
    "batch": "says with which jobs it was ordered; no picture depends on it",
    "source_name": "names the file that the image came from; no picture depends on it",
    "priority": "says when it was drawn; no picture depends on it",
}
"""Fields that AUTOMATIC1111's text does not give back, and why."""


def values_of(name: str) -> tuple[Any, ...]:
    """Values of a field that are not its usual one.

    Raises:
        KeyError: the field is of a kind that needs an entry in `SPECIAL`.
    """
    if name in SPECIAL:
        return SPECIAL[name]
    field = GenerationRequest.model_fields[name]
    found = [value for value in _of_its_kind(name, field.annotation) if value != field.default]
    assert found, name
    return tuple(found)


def _of_its_kind(name: str, annotation: Any) -> list[Any]:
    union = isinstance(annotation, types.UnionType)
    kinds = set(typing.get_args(annotation) if union else (annotation,))
    choices = PARAMETERS[name].choices
    if choices:
        offered = ["own_extension/Its: own, choice"] if PARAMETERS[name].extensible else []
        named = ["folder/net, v1: x4"] if PARAMETERS[name].names_adapter else []
        return [*choices, *offered, *named]
    if bool in kinds:
        return [True, False]
    if int in kinds or float in kinds:
        return _numbers(name, float in kinds)
    if kinds <= {str, type(None)} or getattr(annotation, "__supertype__", None) is str:
        return list(AWKWARD)
    raise KeyError(f"SPECIAL has no value of the field {name!r}, which is {annotation!r}")


def _numbers(name: str, fractions: bool) -> list[Any]:
    """Both ends, and one between that is no round number where it may be."""
    low, high = (0.0 if end is None else end for end in limits(name))
    if fractions:
        above = limits(name)[0] is None  # the end itself is not allowed
        return [1e-7 if above else float(low), low + (high - low) / 3, float(high)]
    marks = GenerationRequest.model_fields[name].metadata
    step = next((mark.multiple_of for mark in marks if hasattr(mark, "multiple_of")), 1)
    return [int(low), int(low) + 3 * int(step), int(high)]


def _request(name: str, value: Any) -> GenerationRequest:
    beside = next((more for begin, more in BESIDE.items() if name.startswith(begin)), {})
    return parse_request({**BASE, **beside, name: value})


CASES = [
    pytest.param(name, value, id=f"{name}-{place}")
    for name in PARAMETERS
    for place, value in enumerate(values_of(name))
]


@pytest.fixture(scope="module")
def pixels() -> bytes:
    return bytes(range(192))


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_option_comes_back_from_the_file(name: str, pixels: bytes) -> None:
    for value in values_of(name):
        request = _request(name, value)
        assert getattr(request, name) != GenerationRequest.model_fields[name].default
        texts = picture_metadata(PictureDraft(PictureId("p"), JobId("j"), 0, request, 0.0))
        for kind in FORMATS:
            told = read_metadata(encoded(pixels, (8, 8), texts, kind, 90))
            assert told is not None
            assert (told.request, told.exact) == (request, True)


@pytest.mark.parametrize(("name", "value"), CASES)
def test_each_option_comes_back_from_automatic1111s_text(name: str, value: Any) -> None:
    request = _request(name, value)
    texts = picture_metadata(PictureDraft(PictureId("p"), JobId("j"), 0, request, 0.0))
    told = told_request(texts[0].text)
    assert told is not None
    if name not in NOT_IN_THE_TEXT:
        assert told == request
        return
    assert getattr(told, name) == GenerationRequest.model_fields[name].default
    others = set(PARAMETERS) - {name, "prompt"}
    assert all(getattr(told, other) == getattr(request, other) for other in others)


def test_what_the_text_leaves_out_is_named_and_there() -> None:
    assert set(NOT_IN_THE_TEXT) <= set(PARAMETERS)


def test_all_options_at_once_come_back(pixels: bytes) -> None:
    fields = {name: values_of(name)[0] for name in PARAMETERS}
    request = parse_request(fields | {n: v for more in BESIDE.values() for n, v in more.items()})
    texts = picture_metadata(PictureDraft(PictureId("p"), JobId("j"), 0, request, 0.0))
    for kind in FORMATS:
        told = read_metadata(encoded(pixels, (8, 8), texts, kind, 90))
        assert told is not None
        assert told.request == request
    text = told_request(texts[0].text)
    assert text is not None
    lost = {name for name in PARAMETERS if getattr(text, name) != getattr(request, name)}
    # LoRAs are in the prompt's words; a size says the factor too.
    assert lost - set(NOT_IN_THE_TEXT) <= {"prompt", "upscale_factor"}
