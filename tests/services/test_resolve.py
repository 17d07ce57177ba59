"""What a request leaves open is filled in; what cannot be drawn is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.services.models import write_lora, write_model
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BadRequest, InvalidField, NotFound, UnknownAdapter
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ImageId
from webui.contracts.parameters.drawing import MAX_SEED
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.images import ImageStore
from webui.services.resolve import fitting_size, resolve

_TURBO = replace(
    FAKE_CHECKPOINT, defaults=(("sampler", "LCM"), ("steps", 4), ("guidance_scale", 1.0))
)
_UPSCALER = replace(FAKE_CHECKPOINT, task="upscale", latent_channels=3, latent_factor=4)


def _request(**fields: object) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": "a boat", **fields})


def _resolve(
    images: ImageStore, draw: Callable[[int], int] = lambda _: 7, **fields: object
) -> GenerationRequest:
    return resolve(_request(**fields), Catalog([], built_in=[FAKE_CHECKPOINT]), images, draw)


@pytest.fixture
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    return ImageStore(tmp_path_factory.mktemp("images"))


def test_model_size_and_seed_are_filled_in(images: ImageStore) -> None:
    resolved = _resolve(images)
    assert (resolved.model, resolved.width, resolved.height, resolved.seed) == (
        "fake/gradient",
        128,
        128,
        7,
    )


def test_what_was_given_is_kept(images: ImageStore) -> None:
    resolved = _resolve(images, width=64, height=256, seed=3)
    assert (resolved.width, resolved.height, resolved.seed) == (64, 256, 3)


def test_a_drawn_seed_leaves_room_for_every_picture(images: ImageStore) -> None:
    assert _resolve(images, draw=lambda limit: limit - 1, count=3).seed + 2 == MAX_SEED


def test_seeds_beyond_the_last_are_refused(images: ImageStore) -> None:
    with pytest.raises(InvalidField, match=f"seed is {MAX_SEED}"):
        _resolve(images, seed=MAX_SEED, count=2)


def test_too_many_pixels_in_all_are_refused(images: ImageStore) -> None:
    with pytest.raises(InvalidField, match="fewer or smaller"):
        _resolve(images, width=4096, height=4096, count=9)


@pytest.mark.parametrize("name", ["refiner", "hires_model"])
def test_a_further_model_must_be_there(images: ImageStore, name: str) -> None:
    fields: dict[str, Any] = {name: "nowhere"}
    with pytest.raises(BadRequest, match="nowhere"):
        _resolve(images, **fields)
    fields[name] = str(FAKE_CHECKPOINT.id)
    assert getattr(_resolve(images, **fields), name) == FAKE_CHECKPOINT.id


def test_a_second_pass_beyond_all_sides_is_refused(images: ImageStore) -> None:
    with pytest.raises(InvalidField, match="8000 x 8000 pixels"):
        _resolve(images, width=2000, height=2000, hires_scale=4.0)
    assert _resolve(images, width=64, height=96, hires_height=192).hires_size(64, 96) == (128, 192)


@pytest.mark.parametrize(
    ("image", "fields", "expected"),
    [
        ((1000, 1000), {}, (128, 128)),
        ((2000, 1000), {}, (184, 88)),
        ((30, 30), {}, (128, 128)),
        ((2000, 1000), {"width": 256}, (256, 128)),
        ((2000, 1000), {"height": 256}, (512, 256)),
        ((2000, 1000), {"width": 64, "height": 64}, (64, 64)),
        ((50_000, 1), {}, (4096, 64)),
        (None, {"width": 256}, (256, 128)),
    ],
)
def test_the_size_follows_the_image_at_the_models_area(
    image: tuple[int, int] | None, fields: dict[str, int], expected: tuple[int, int]
) -> None:
    assert fitting_size(_request(**fields), FAKE_CHECKPOINT, image) == expected


def test_a_picture_that_is_drawn_on_has_its_own_size_with_the_frame() -> None:
    request = _request(outpaint_left=64, outpaint_bottom=32, width=64, height=64)
    assert fitting_size(request, FAKE_CHECKPOINT, (300, 200)) == (368, 232)


def test_where_only_the_new_part_is_drawn_it_has_the_models_size() -> None:
    request = _request(outpaint_left=64, inpaint_area="Only masked")
    assert fitting_size(request, FAKE_CHECKPOINT, (300, 200)) == (128, 128)


def _with_model(images: ImageStore, model: CheckpointInfo, **fields: object) -> GenerationRequest:
    return resolve(_request(**fields), Catalog([], built_in=[model]), images, lambda _: 7)


def test_what_suits_the_model_fills_what_the_request_leaves_open(images: ImageStore) -> None:
    resolved = _with_model(images, _TURBO)
    assert (resolved.sampler, resolved.steps, resolved.guidance_scale) == ("LCM", 4, 1.0)
    assert resolved.schedule == "Automatic"


def test_what_the_request_says_wins_even_where_it_says_the_usual(images: ImageStore) -> None:
    resolved = _with_model(images, _TURBO, steps=20, sampler="Euler")
    assert (resolved.sampler, resolved.steps, resolved.guidance_scale) == ("Euler", 20, 1.0)


def _picture(images: ImageStore, width: int, height: int, mode: str = "RGB") -> ImageId:
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, "PNG")
    return images.put(out.getvalue())


@pytest.mark.parametrize(
    ("size", "enlarged"), [((64, 32), (256, 128)), ((75, 33), (296, 128)), ((1024, 16), (4096, 64))]
)
def test_an_enlarged_picture_has_the_images_size_times_the_factor(
    images: ImageStore, size: tuple[int, int], enlarged: tuple[int, int]
) -> None:
    resolved = _with_model(images, _UPSCALER, image=_picture(images, *size))
    assert (resolved.width, resolved.height) == enlarged
    assert GenerationRequest.model_validate_json(resolved.model_dump_json()) == resolved


@pytest.mark.parametrize(
    ("asked", "factor", "size"),
    [
        ({"upscale_width": 320}, 320 / 75, (320, 136)),
        ({"upscale_height": 64}, 64 / 33, (144, 64)),
        ({"upscale_width": 200, "upscale_height": 200}, 200 / 33, (200, 200)),
    ],
)
def test_an_enlarged_picture_has_the_size_that_is_asked_for(
    images: ImageStore, asked: dict[str, int], factor: float, size: tuple[int, int]
) -> None:
    fields: dict[str, Any] = {
        "image": _picture(images, 75, 33),
        "upscaler": "Lanczos",
        "upscale_factor": 2,
        **asked,
    }
    resolved = _resolve(images, **fields)
    assert (resolved.width, resolved.height) == size
    assert resolved.upscale_factor == pytest.approx(factor)
    again = resolve(resolved, Catalog([], built_in=[FAKE_CHECKPOINT]), images, lambda _: 8)
    assert again == resolved


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"upscaler": "Lanczos", "upscale_width": 64}, "upscale_width is 64 for an image of 75 x 33 pixels, expected 75 to 600, 1 to 8 times"),
        ({"upscaler": "Lanczos", "upscale_height": 272}, "upscale_height is 272 for an image of 75 x 33 pixels, expected 33 to 264"),
        ({"upscale_width": 320}, "upscale_width is given, expected none, nor upscale_height, where no picture is enlarged"),
    ],
)  # fmt: skip
def test_a_size_that_cannot_be_reached_is_refused(
    images: ImageStore, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidField, match=said):
        _resolve(images, image=_picture(images, 75, 33), **fields)


def test_an_enlarged_pictures_size_can_be_ordered_again_as_it_was(images: ImageStore) -> None:
    first = _with_model(images, _UPSCALER, image=_picture(images, 75, 33))
    assert resolve(first, Catalog([], built_in=[_UPSCALER]), images, lambda _: 8) == first


def test_the_size_follows_a_class_map_where_there_is_no_image(images: ImageStore) -> None:
    model = replace(FAKE_CHECKPOINT, task="semantic", classes=("sky",))
    resolved = _with_model(images, model, class_map=_picture(images, 200, 100, "L"))
    assert (resolved.width, resolved.height) == (184, 88)


@pytest.mark.parametrize("name", ["image", "mask", "class_map", "depth_map"])
def test_every_image_must_be_there(images: ImageStore, name: str) -> None:
    with pytest.raises(NotFound, match="no image '000"):
        resolve(_request(**{name: "0" * 64}), Catalog([], [FAKE_CHECKPOINT]), images, lambda _: 7)


def test_the_picture_of_a_control_must_be_there(images: ImageStore) -> None:
    with pytest.raises(NotFound):
        _resolve(images, controls=[{"adapter": "x", "image": "0" * 64}])


def test_an_unknown_adapter_is_refused(images: ImageStore) -> None:
    with pytest.raises(UnknownAdapter, match="no lora 'chalk'"):
        _resolve(images, loras=[{"adapter": "chalk"}])


def test_an_adapters_last_part_becomes_its_whole_id(images: ImageStore, tmp_path: Path) -> None:
    write_model(tmp_path / "m")
    write_lora(tmp_path / "my" / "loras" / "chalk.safetensors")
    request = _request(loras=[{"adapter": "chalk", "weight": 0.5}])
    resolved = resolve(request, Catalog([tmp_path]), images, lambda _: 7)
    assert [(use.adapter, use.weight) for use in resolved.loras] == [("my/loras/chalk", 0.5)]


def test_a_request_that_does_not_fit_its_model_is_refused(images: ImageStore) -> None:
    model = replace(FAKE_CHECKPOINT, task="depth")
    with pytest.raises(InvalidField, match="depth_map is missing"):
        _with_model(images, model)


def test_a_variation_seed_is_drawn_where_one_is_mixed_in(images: ImageStore) -> None:
    assert _resolve(images, seed=3).variation_seed == -1
    varied = _resolve(images, seed=MAX_SEED, variation_strength=0.2, count=3)
    assert (varied.seed, varied.variation_seed) == (MAX_SEED, 7)


def test_of_variations_the_variation_seed_needs_room(images: ImageStore) -> None:
    with pytest.raises(InvalidField, match=f"variation_seed is {MAX_SEED}"):
        _resolve(images, variation_seed=MAX_SEED, variation_strength=0.2, count=2)
