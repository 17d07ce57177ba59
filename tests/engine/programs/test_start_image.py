from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.engine.library import Library
from webui.contracts.request import GenerationRequest
from webui.engine.programs.start_image import resized, walk_of, with_colours_of_image


def halves(width: int = 40, height: int = 20) -> Image.Image:
    """Red at the left, blue at the right."""
    values = np.zeros((height, width, 3), np.uint8)
    values[:, : width // 2, 0], values[:, width // 2 :, 2] = 255, 255
    return Image.fromarray(values)


def share_of_red(image: Image.Image) -> float:
    return float((np.asarray(image)[..., 0] > 128).mean())


@pytest.mark.parametrize("mode", ["Just resize", "Just resize (latent upscale)"])
def test_just_resize_stretches(mode: str) -> None:
    made = resized(halves(), 16, 64, mode)
    assert made.size == (16, 64)
    assert share_of_red(made) == pytest.approx(0.5, abs=0.05)


def test_crop_keeps_the_middle() -> None:
    off_centre = Image.fromarray(np.roll(np.asarray(halves()), 10, 1))
    made = np.asarray(resized(off_centre, 20, 20, "Crop and resize"))
    assert np.array_equal(made, np.asarray(off_centre)[:, 10:30])


def test_fill_keeps_all_and_repeats_the_edge() -> None:
    made = np.asarray(resized(halves(), 40, 40, "Resize and fill"))
    assert np.array_equal(made[10:30], np.asarray(halves()))
    assert np.array_equal(made[0], made[10])
    assert np.array_equal(made[39], made[29])


def test_fill_takes_masks_too() -> None:
    mask = Image.fromarray(np.full((10, 20), 7, np.uint8))
    assert np.asarray(resized(mask, 20, 20, "Resize and fill")).tolist() == [[7] * 20] * 20


def request(**fields: object) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": "", "image": "0" * 64, "steps": 8, **fields})


@pytest.mark.parametrize(("strength", "steps"), [(0.5, 5), (0.25, 3), (1.0, 8)])
def test_a_strength_takes_its_share_of_the_steps(
    library: Library, strength: float, steps: int
) -> None:
    model = library.model("text")
    walk = walk_of(request(denoising_strength=strength), model)
    assert walk.steps == steps


@pytest.mark.parametrize(("strength", "schedule"), [(0.05, 160), (0.5, 16), (0.999, 8)])
def test_exact_steps_are_the_last_ones_of_a_longer_schedule(
    library: Library, strength: float, schedule: int
) -> None:
    model = library.model("text")
    walk = walk_of(request(denoising_strength=strength, exact_steps=True), model)
    longer = walk_of(request(denoising_strength=1, steps=schedule), model)
    assert walk.steps == 8
    assert walk.sigmas == longer.sigmas[-9:]


def test_no_strength_is_no_step_even_where_steps_are_exact(library: Library) -> None:
    walk = walk_of(request(denoising_strength=0, exact_steps=True), library.model("text"))
    assert walk.steps == 0


def test_corrected_colours_are_the_images_at_the_pictures_lightness() -> None:
    grey = np.linspace(60, 190, 64 * 64).reshape(64, 64)[..., None].repeat(3, 2).astype(np.uint8)
    image = Image.new("RGB", (10, 10), (200, 120, 100))
    made = with_colours_of_image(grey, image).astype(int)
    assert (made[..., 0] > made[..., 2] + 20).all()
    luma = made @ np.array([0.2126, 0.7152, 0.0722])
    assert np.corrcoef(luma.ravel(), grey[..., 0].ravel())[0, 1] > 0.999


def test_colours_that_agree_already_stay() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    made = with_colours_of_image(picture, Image.fromarray(picture))
    assert np.abs(made.astype(int) - picture).max() <= 1
