from __future__ import annotations

import numpy as np

from webui.services.preprocessors.lines import canny, lineart, scribble, soft_edges


def square() -> np.ndarray:  # type: ignore[type-arg]
    """A dark square with soft corners on white."""
    image = np.full((64, 64, 3), 230, np.uint8)
    image[20:44, 20:44] = 40
    return image


def test_canny_is_one_pixel_wide_and_follows_the_border() -> None:
    edges = canny(square(), {"low": 100, "high": 200})[..., 0]
    assert set(np.unique(edges)) == {0, 255}
    assert 80 <= (edges > 0).sum() <= 110  # four sides of 24
    assert edges[:15].max() == edges[28:36, 28:36].max() == 0


def test_canny_needs_a_strong_edge() -> None:
    faint = np.full((64, 64, 3), 100, np.uint8)
    faint[20:44, 20:44] = 110
    assert canny(faint, {"low": 100, "high": 200}).max() == 0
    assert canny(faint, {"low": 5, "high": 10}).max() == 255


def test_soft_edges_fade() -> None:
    edges = soft_edges(square(), {"softness": 2.0})[..., 0]
    row = edges[32].astype(int)
    assert row[20] > row[17] > row[10] == 0
    assert len(np.unique(edges)) > 10


def test_strokes_are_where_a_picture_is_darker_than_around_it() -> None:
    paper = np.full((64, 64, 3), 230, np.uint8)
    paper[:, 30:34] = 30
    for made in (scribble(paper, {"threshold": 32}), lineart(paper, {"width": 6.0})):
        assert made[32, 31, 0] > 100
        assert made[32, 5, 0] == 0


def test_a_blank_page_has_no_lines() -> None:
    blank = np.full((32, 32, 3), 255, np.uint8)
    assert lineart(blank, {"width": 6.0}).max() == 0
    assert soft_edges(blank, {"softness": 1.5}).max() == 0
