from __future__ import annotations

import math

import pytest
import torch

from webui.engine.denoisers import NoiseLevels

ALPHAS = [0.99, 0.9, 0.6, 0.2, 0.01]


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0, 2.7, 4.0])
def test_timestep_is_the_inverse_of_sigma(t: float) -> None:
    levels = NoiseLevels.from_alphas(ALPHAS, "epsilon")
    assert levels.timestep(levels.sigma(t)) == pytest.approx(t)


def test_levels_outside_the_trained_range_are_clamped() -> None:
    levels = NoiseLevels.from_alphas(ALPHAS, "epsilon")
    assert levels.timestep(1e-6) == 0
    assert levels.timestep(1e6) == 4
    assert levels.sigma(-1) == levels.sigma_min
    assert levels.sigma(9) == pytest.approx(levels.sigma_max)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_a_perfect_network_gives_the_clean_latent(prediction: str) -> None:
    levels = NoiseLevels.from_alphas(ALPHAS, prediction)
    clean, noise = torch.tensor([0.3, -1.2]), torch.tensor([0.5, 0.9])
    a = ALPHAS[2]
    sigma = levels.sigma(2)
    x = clean + sigma * noise
    velocity = math.sqrt(a) * noise - math.sqrt(1 - a) * clean
    output = {"epsilon": noise, "v_prediction": velocity, "sample": clean}[prediction]
    assert torch.allclose(levels.denoised(x, sigma, output), clean, atol=1e-6)
    seen = levels.scale_input(x, sigma)
    assert torch.allclose(seen, math.sqrt(a) * clean + math.sqrt(1 - a) * noise, atol=1e-6)


def test_an_unknown_prediction_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'flow'"):
        NoiseLevels.from_alphas(ALPHAS, "flow")


def test_a_flow_in_times_has_its_times_for_levels() -> None:
    times = NoiseLevels.of_flow(3.0).in_times()
    assert times.sigma(499) == pytest.approx(3 * 0.5 / (1 + 2 * 0.5))
    assert 0.999 < times.sigma_max < 1


def test_pure_noise_is_told_as_the_end_of_time() -> None:
    levels = NoiseLevels.of_flow(3.0)
    assert levels.told(levels.sigma_max) == 1000
    assert levels.told(1.0) == pytest.approx(500)
    assert levels.with_zero_terminal_snr() is levels
