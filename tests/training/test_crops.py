"""Windows on large pictures."""

import numpy as np

from webui.training.crops import CropSettings, draw_crops, unseen_crops
from webui.training.examples import Examples

SETTINGS = CropSettings(picture_size=64, per_draw=2)


class Gradients:
    """Two pictures whose red runs from left to right and whose green runs down, 2 a pixel."""

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        y, x = np.mgrid[:64, :64]
        picture = np.stack([2 * x, 2 * y, np.zeros_like(x)], axis=2).astype(np.uint8)
        return Examples(pictures=np.stack([picture] * count), captions=("",) * count)


def test_windows_come_from_all_scales_and_places_and_some_are_mirrored() -> None:
    crops = draw_crops(Gradients(), SETTINGS, 16, 64, np.random.default_rng(0)).astype(int)
    assert crops.shape == (64, 16, 16, 3)
    steps = crops[:, 8, 9, 0] - crops[:, 8, 8, 0]
    assert {abs(int(step)) for step in steps} >= {2, 3, 4}  # whole, three quarters and half
    assert 10 < (steps < 0).sum() < 54
    assert len({int(v) for v in crops[:, 0, 0, 1]}) > 10


def test_a_window_larger_than_its_picture_is_the_whole_picture() -> None:
    crops = draw_crops(Gradients(), SETTINGS, 64, 8, np.random.default_rng(0)).astype(int)
    assert crops.shape == (8, 64, 64, 3)
    assert (crops[:, :, :, 1].max(axis=(1, 2)) == 126).all()
    larger = draw_crops(Gradients(), SETTINGS, 96, 2, np.random.default_rng(0))
    assert larger.shape == (2, 96, 96, 3)


def test_the_same_random_source_gives_the_same_windows() -> None:
    first, second = (
        draw_crops(Gradients(), SETTINGS, 16, 6, np.random.default_rng(7)) for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_unseen_windows_are_always_the_same() -> None:
    first, second = (unseen_crops(SETTINGS, 32, 2) for _ in range(2))
    assert first.shape == (2, 32, 32, 3)
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
