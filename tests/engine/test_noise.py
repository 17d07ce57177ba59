from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from webui.engine.noise import NoisePlan, NoiseStream, philox, philox_normal, slerp

CPU = torch.device("cpu")
PUBLISHED = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), PUBLISHED)
def test_philox_gives_its_published_known_answers(
    counter: tuple[int, int, int, int], key: tuple[int, int], expected: tuple[int, ...]
) -> None:
    c0, c1, c2, c3 = (np.array([word], np.uint64) for word in counter)
    words = philox((c0, c1, c2, c3), key)
    assert tuple(int(word[0]) for word in words) == expected


def test_the_values_are_those_of_torch_on_a_cuda_device() -> None:
    """As `torch.randn(6, device='cuda')` gives them after seed 0."""
    expected = [-0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564]
    assert philox_normal(0, 0, 6).tolist() == pytest.approx(expected, abs=2e-6)


def test_a_stream_repeats_itself_and_its_draws_differ() -> None:
    first, second = (NoiseStream(11, (1, 4, 8, 8), CPU) for _ in range(2))
    draws = [first(), first()]
    assert torch.equal(draws[0], second())
    assert torch.equal(draws[1], second())
    assert not torch.equal(*draws)


def test_a_stream_may_begin_at_a_later_draw() -> None:
    first, second = NoiseStream(11, (3, 2), CPU), NoiseStream(11, (3, 2), CPU, first_draw=1)
    first()
    assert torch.equal(first(), second())


def test_neighbouring_seeds_are_unrelated() -> None:
    values = np.stack([philox_normal(seed, 0, 4096) for seed in range(8)])
    correlations = np.corrcoef(values) - np.eye(8)
    assert np.abs(correlations).max() < 0.06


def test_the_values_are_standard_normal() -> None:
    values = philox_normal(3, 2, 200_000)
    assert values.dtype == np.float32
    assert abs(values.mean()) < 0.01
    assert abs(values.std() - 1) < 0.01
    assert abs((np.abs(values) < 1).mean() - 0.6827) < 0.005


def test_the_largest_seed_is_taken() -> None:
    assert np.isfinite(philox_normal(2**32 - 1, 0, 16)).all()


def test_a_variation_lies_between_two_noises_and_is_noise() -> None:
    shape = (1, 4, 32, 32)
    own, other = (NoiseStream(seed, shape, CPU)() for seed in (1, 2))
    draws = {s: NoiseStream(NoisePlan(1, variation=(2, s)), shape, CPU) for s in (0.0, 0.3, 1.0)}
    mixed = {strength: stream() for strength, stream in draws.items()}
    assert torch.allclose(mixed[0.0], own, atol=1e-6)
    assert torch.allclose(mixed[1.0], other, atol=1e-6)
    assert float(mixed[0.3].std()) == pytest.approx(1, abs=0.03)
    assert float((mixed[0.3] - own).norm()) < float((mixed[0.3] - other).norm())


def test_only_the_first_draw_is_varied() -> None:
    plain = NoiseStream(1, (1, 2, 4, 4), CPU)
    varied = NoiseStream(NoisePlan(1, variation=(2, 0.5)), (1, 2, 4, 4), CPU)
    assert not torch.equal(plain(), varied())
    assert torch.equal(plain(), varied())


def test_equal_noises_are_mixed_without_a_division_by_nothing() -> None:
    values = philox_normal(3, 0, 64).reshape(1, 4, 4, 4)
    assert np.allclose(slerp(values, values, 0.5), values)


def test_columns_without_an_angle_between_them_are_mixed_straight() -> None:
    start, end = (philox_normal(seed, 0, 8).reshape(1, 2, 1, 4) for seed in (1, 2))
    assert np.allclose(slerp(start, end, 0.25), 0.75 * start + 0.25 * end)


@pytest.mark.parametrize("source", ["Philox", "CPU"])
def test_each_column_of_a_channel_turns_by_its_own_angle(source: str) -> None:
    """As AUTOMATIC1111 mixes the noise (C, h, w) of a picture: by the unit vectors along its second axis."""
    shape, share = (1, 4, 6, 5), 0.35
    start, end = (NoiseStream(NoisePlan(s, source), shape, CPU)()[0].double() for s in (1, 2))
    mixed = NoiseStream(NoisePlan(1, source, variation=(2, share)), shape, CPU)()[0]
    for channel, column in itertools.product(range(4), range(5)):
        a, b = start[channel, :, column], end[channel, :, column]
        # in the plane of both: the unit vector along a, and the one at a right angle to it
        along = a / a.norm()
        across = b - (b @ along) * along
        angle = math.atan2(float(across.norm()), float(b @ along))
        across = across / across.norm()
        expected = math.sin((1 - share) * angle) / math.sin(angle) * a.norm() * along
        turned = math.cos(angle) * along + math.sin(angle) * across
        expected = expected + math.sin(share * angle) / math.sin(angle) * b.norm() * turned
        assert torch.allclose(mixed[channel, :, column].double(), expected, atol=1e-5)


def test_the_source_of_a_processor_is_what_torch_draws_there() -> None:
    stream = NoiseStream(NoisePlan(9, source="CPU"), (1, 4, 4, 4), CPU)
    generator = torch.Generator().manual_seed(9)
    for _ in range(3):
        assert torch.equal(stream(), torch.randn(1, 4, 4, 4, generator=generator))


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(ValueError, match="'Dice'"):
        NoiseStream(NoisePlan(9, source="Dice"), (1, 4, 4, 4), CPU)


def test_later_draws_come_from_a_seed_that_is_the_delta_further() -> None:
    plain, moved = (
        NoiseStream(NoisePlan(9, later_seed_delta=delta), (1, 4, 4, 4), CPU) for delta in (0, 31)
    )
    assert torch.equal(plain(), moved())
    assert torch.equal(moved(), NoiseStream(40, (1, 4, 4, 4), CPU)())
    path = NoiseStream(40, (1, 4, 4, 4), CPU)((2.0, 1.0))
    assert torch.equal(moved((2.0, 1.0)), path)
    assert not torch.equal(plain((2.0, 1.0)), path)


@pytest.mark.parametrize(("small", "large"), [((4, 6), (8, 10)), ((4, 12), (8, 10))])
def test_a_resized_seed_lies_in_the_middle_of_its_own_noise(
    small: tuple[int, int], large: tuple[int, int]
) -> None:
    drawn = NoiseStream(NoisePlan(9, resized_from=small), (1, 2, *large), CPU)()
    inner = NoiseStream(9, (1, 2, *small), CPU)()
    whole = NoiseStream(9, (1, 2, *large), CPU)()
    cut = max(small[1] - large[1], 0) // 2
    columns = slice((large[1] - min(small[1], large[1])) // 2, None)
    middle = drawn[:, :, 2:6, columns][..., : min(small[1], large[1])]
    assert torch.equal(middle, inner[..., cut : cut + middle.shape[-1]])
    assert torch.equal(drawn[:, :, :2], whole[:, :, :2])


def test_a_seed_of_the_same_size_is_not_resized() -> None:
    same = NoiseStream(NoisePlan(9, resized_from=(8, 10)), (1, 2, 8, 10), CPU)
    assert torch.equal(same(), NoiseStream(9, (1, 2, 8, 10), CPU)())
