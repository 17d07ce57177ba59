from __future__ import annotations

import itertools

import pytest
import torch

from webui.engine.tiles import OVERLAP, TILE, Window, cover

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [(1, 1), (TILE, TILE), (64, TILE)])
def test_what_is_no_larger_than_a_tile_is_one_window(size: tuple[int, int]) -> None:
    assert cover(*size) == [Window(0, 0, *size)]


@pytest.mark.parametrize("size", [(TILE + 1, 40), (300, 512), (1024, 225)])
def test_large_latents_are_covered_with_overlap(size: tuple[int, int]) -> None:
    windows = cover(*size)
    seen = torch.zeros(size)
    for window in windows:
        window.of(seen).add_(1)
        assert max(window.height, window.width) <= TILE
    assert seen.min() >= 1
    for along in (0, 1):
        starts = sorted({(w.top, w.left)[along] for w in windows})
        side = min(TILE, size[along])
        assert all(b - a <= side - OVERLAP for a, b in itertools.pairwise(starts))


def test_a_window_of_a_hint_is_scaled() -> None:
    values = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(Window(1, 2, 2, 1).of(values, 2), values[..., 2:6, 4:6])


def test_a_window_counts_less_towards_its_edges_and_never_nothing() -> None:
    weights = Window(0, 0, TILE, TILE).weights(CPU)
    assert weights.shape == (TILE, TILE)
    assert weights[TILE // 2, TILE // 2] == 1
    assert 0 < weights[0, 0] < weights[0, TILE // 2] < weights[5, TILE // 2] < 1
    assert Window(0, 0, 4, 4).weights(CPU, 8).shape == (32, 32)
