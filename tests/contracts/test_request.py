"""What a request takes, refuses in sentences, and says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webui.contracts.errors import InvalidField
from webui.contracts.request import PARAMETERS, GenerationRequest, parse_request

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
BOX = {"label": "house", "left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.9}
CONTROL = {"adapter": "starter/controlnet-edges", "image": D}
LORA = {"adapter": "starter/loras/chalk"}

OLD_REQUEST = (
    '{"prompt":"a boat","negative_prompt":"","model":"starter/text","sampler":"DPM++ 2M",'
    '"schedule":"Automatic","steps":20,"guidance_scale":5.0,"width":128,"height":128,"seed":5,'
    '"count":1,"image":null,"denoising_strength":0.75}'
)
"""As the record of a studio without conditions holds it."""


def _parse(**fields: Any) -> GenerationRequest:
    return parse_request({"prompt": "a boat", **fields})


def _refusal(**fields: Any) -> str:
    with pytest.raises(InvalidField) as caught:
        _parse(**fields)
    return str(caught.value)


def test_a_request_from_before_conditions_is_still_read() -> None:
    old = GenerationRequest.model_validate_json(OLD_REQUEST)
    assert (old.mask, old.boxes, old.controls, old.loras) == (None, (), (), ())
    assert (old.task, old.images, old.adapters) == ("txt2img", (), ())


def test_json_in_and_out_is_lossless() -> None:
    request = _parse(
        image=A, mask=B, class_map=C, depth_map=D, boxes=[BOX], noise_augmentation=0.25,
        controls=[{**CONTROL, "weight": 0.7, "start": 0.1, "end": 0.6}], loras=[{**LORA, "weight": -0.3}],
    )  # fmt: skip
    again = parse_request(json.loads(request.model_dump_json()))
    assert (again, hash(again)) == (request, hash(request))


@pytest.mark.parametrize(
    ("fields", "task"),
    [
        ({}, "txt2img"),
        ({"image": A}, "img2img"),
        ({"image": A, "mask": B}, "inpaint"),
        ({"class_map": A}, "txt2img"),
        ({"image": A, "depth_map": B}, "img2img"),
    ],
)
def test_the_task_follows_from_image_and_mask(fields: dict[str, str], task: str) -> None:
    assert _parse(**fields).task == task


def test_every_image_is_named_once_in_the_order_of_the_fields() -> None:
    controls = [CONTROL, {"adapter": "x", "image": A}]
    request = _parse(depth_map=C, mask=B, image=A, controls=controls)
    assert request.images == (A, B, C, D)
    masked = _parse(controls=[{"adapter": "x", "image": A, "mask": B}])
    assert masked.images == (A, B)


def test_every_adapter_is_named_once() -> None:
    request = _parse(controls=[CONTROL, CONTROL], loras=[LORA, {**LORA, "weight": 2}])
    assert request.adapters == ("starter/controlnet-edges", "starter/loras/chalk")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"boxes": [{**BOX, "right": 0.1}]}, "boxes.0.right is 0.1, expected more than left, which is 0.1."),
        ({"boxes": [{**BOX, "bottom": 0.1}]}, "boxes.0.bottom is 0.1, expected more than top, which is 0.2."),
        ({"boxes": [BOX, {**BOX, "left": -1}]}, "boxes.1.left is -1, expected a number from 0.0 to 1.0."),
        ({"boxes": [{**BOX, "label": ""}]}, "boxes.0.label is ''"),
        ({"boxes": [{**BOX, "x": 1}]}, "boxes.0.x is 1, expected no such field; known are label, left, top"),
        ({"boxes": [BOX] * 101}, "boxes is 101 entries, expected at most 100."),
        ({"controls": [{"adapter": "x"}]}, "controls.0.image is missing, expected a value."),
        ({"controls": [{**CONTROL, "weight": 2.5}]}, "controls.0.weight is 2.5, expected a number from 0.0 to 2.0."),
        ({"controls": [{**CONTROL, "start": 0.5, "end": 0.5}]}, "controls.0.end is 0.5, expected more than start"),
        ({"controls": [CONTROL] * 5}, "controls is 5 entries, expected at most 4."),
        ({"loras": [{**LORA, "weight": -5}]}, "loras.0.weight is -5, expected a number from -4.0 to 4.0."),
        ({"loras": [LORA] * 17}, "loras is 17 entries, expected at most 16."),
        ({"mask": "../etc"}, "mask is '../etc'"),
        ({"noise_augmentation": 1.5}, "noise_augmentation is 1.5, expected a number from 0.0 to 1.0."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_field_by_field(fields: dict[str, Any], sentence: str) -> None:
    assert sentence in _refusal(**fields)


def test_a_wrong_left_side_does_not_make_the_right_one_wrong_too() -> None:
    assert "right" not in _refusal(boxes=[{**BOX, "left": 7}])


def test_every_parameter_is_described_in_the_schema() -> None:
    properties = GenerationRequest.model_json_schema()["properties"]
    assert all(properties[name]["description"] == p.help for name, p in PARAMETERS.items())


def test_lcm_is_a_sampler() -> None:
    assert _parse(sampler="lcm").sampler == "LCM"


def test_a_lora_may_weigh_otherwise_in_the_text_encoder() -> None:
    (one,) = _parse(loras=[{**LORA, "weight": 0.5}]).loras
    (two,) = _parse(loras=[{**LORA, "weight": 0.5, "text_weight": 0.0}]).loras
    assert (one.weight_of_text, two.weight_of_text) == (0.5, 0.0)
    assert "loras.0.rank is 0, expected a number from 1" in _refusal(loras=[{**LORA, "rank": 0}])


def test_emphasis_and_choices_are_among_their_names() -> None:
    request = _parse(emphasis="no norm", prompt_choices="MATRIX")
    assert (request.emphasis, request.prompt_choices) == ("No norm", "Matrix")
    assert "expected one of Original, No norm, Ignore, None" in _refusal(emphasis="Loud")


def test_a_picture_has_its_own_words_and_seed() -> None:
    texts = [{"prompt": p, "negative_prompt": "n", "loras": [LORA]} for p in ("a", "b")]
    request = _parse(count=2, seed=5, styles=["x"], texts=texts, template="{a|b}")
    exact = request.picture(1)
    assert (exact.prompt, exact.negative_prompt, exact.seed, exact.count) == ("b", "n", 6, 1)
    assert (exact.styles, exact.texts, exact.loras) == ((), (), ())
    assert (exact.template, exact.prompt_choices) == ("{a|b}", "Off")
    assert request.adapters == ("starter/loras/chalk",)


def test_one_text_serves_all_pictures_and_none_is_the_prompt_itself() -> None:
    one = _parse(count=3, texts=[{"prompt": "x", "negative_prompt": ""}])
    assert [one.text_of(i).prompt for i in range(3)] == ["x"] * 3
    plain = _parse(negative_prompt="rain", loras=[LORA])
    assert plain.text_of(2).negative_prompt == "rain"
    assert plain.picture(2) == plain.model_copy(update={"seed": 1})


def test_pictures_of_a_matrix_share_their_seeds() -> None:
    matrix = _parse(seed=5, variation_seed=3, prompt_choices="Matrix", variation_strength=0.5)
    assert {matrix.seeds_of(i) for i in range(4)} == {(5, 3)}


def test_the_network_before_tiles_is_named_only_where_tiles_are_drawn() -> None:
    fields = {"prompt": "", "tile_upscaler": "upscalers/sharp"}
    tiles = GenerationRequest.model_validate({**fields, "upscaler": "Diffusion in tiles"})
    assert tiles.upscaler_networks == ("upscalers/sharp",)
    assert GenerationRequest.model_validate(fields).upscaler_networks == ()


@pytest.mark.parametrize(
    ("name", "end"),
    [("steps", 150), ("hires_steps", 150), ("guidance_scale", 30), ("count", 100), ("loops", 32)],
)
def test_sliders_go_as_far_as_automatic1111s(name: str, end: float) -> None:
    """What is typed beside a slider is taken down to its end, so a smaller one would lose what people can order there."""
    assert (PARAMETERS[name].soft_maximum or 0) >= end
