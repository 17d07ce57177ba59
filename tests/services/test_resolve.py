"""What a request leaves open is filled in; what cannot be drawn is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webui.contracts.errors import InvalidField
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.request import MAX_SEED, GenerationRequest
from webui.services.catalog import Catalog
from webui.services.images import ImageStore
from webui.services.resolve import fitting_size, resolve, total_steps


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


def test_steps_count_over_all_pictures_and_with_the_strength() -> None:
    assert total_steps(_request(steps=20, count=3)) == 60
    assert total_steps(_request(steps=20, image="0" * 64, denoising_strength=0.5)) == 10
