"""Schedule, loss and sampling."""

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from webui.training.diffusion import (
    BETA_END,
    BETA_START,
    NoiseSettings,
    cumulative_alphas,
    diffuse,
    draw_timesteps,
    sample,
    velocity_loss,
)

CPU = torch.device("cpu")
KNOWN = torch.linspace(-1, 1, 8 * 4 * 4).view(1, 8, 4, 4)


def perfect(x: Tensor, t: Tensor) -> Tensor:
    """The velocity of a world with one picture in it."""
    alpha = cumulative_alphas().float()[t.round().long()].view(-1, 1, 1, 1)
    noise = (x - alpha.sqrt() * KNOWN) / (1 - alpha).sqrt()
    return alpha.sqrt() * noise - (1 - alpha).sqrt() * KNOWN


@pytest.fixture
def scheduler() -> DDIMScheduler:
    """Diffusers', of the same schedule."""
    return DDIMScheduler(
        beta_start=BETA_START, beta_end=BETA_END, beta_schedule="scaled_linear",
        rescale_betas_zero_snr=True,
    )  # fmt: skip


def test_the_noise_schedule_is_stable_diffusions_and_ends_in_pure_noise(
    scheduler: DDIMScheduler,
) -> None:
    assert torch.allclose(cumulative_alphas().float(), scheduler.alphas_cumprod, atol=1e-6)
    assert cumulative_alphas()[-1] < 1e-7


def test_noise_and_velocity_are_diffusers(scheduler: DDIMScheduler) -> None:
    x0, noise, t = torch.randn(3, 8, 4, 4), torch.randn(3, 8, 4, 4), torch.tensor([0, 500, 999])
    noisy, velocity = diffuse(x0, t, noise)
    assert torch.allclose(noisy, scheduler.add_noise(x0, noise, t), atol=1e-3)
    assert torch.allclose(velocity, scheduler.get_velocity(x0, noise, t), atol=1e-3)


def test_every_batch_sees_all_noise_levels_and_a_bias_below_one_more_of_the_high_ones() -> None:
    even = draw_timesteps(1000, 1.0, CPU)
    biased = draw_timesteps(1000, 0.5, CPU)
    assert len(set(even.tolist())) > 900
    assert abs(even.float().mean().item() - 500) < 10
    assert biased.float().mean().item() > 600
    assert biased.max() <= 999


@pytest.mark.parametrize("gamma", [None, 5.0])
def test_the_perfect_velocity_has_no_loss_and_another_one_has(gamma: float | None) -> None:
    settings = NoiseSettings(min_snr_gamma=gamma)
    x0 = KNOWN.expand(16, -1, -1, -1)
    assert velocity_loss(perfect, x0, settings).item() < 1e-6
    wrong = velocity_loss(lambda x, t: perfect(x, t) + 1, x0, settings).item()
    assert wrong == pytest.approx(1) if gamma is None else 0.01 < wrong < 0.9


def test_cells_of_no_weight_do_not_count() -> None:
    x0, weight = KNOWN.expand(16, -1, -1, -1), torch.zeros(16, 1, 4, 4)
    weight[..., 0, 0] = 1

    def wrong_elsewhere(x: Tensor, t: Tensor) -> Tensor:
        velocity = perfect(x, t)
        velocity[..., 1:, :] += 5
        return velocity

    assert velocity_loss(wrong_elsewhere, x0, NoiseSettings(), weight).item() < 1e-6


def test_ddim_with_a_perfect_denoiser_returns_the_one_picture_it_knows() -> None:
    made = sample(perfect, (2, 8, 4, 4), steps=10, seed=0, device=CPU)
    assert torch.allclose(made, KNOWN.expand(2, -1, -1, -1), atol=1e-3)
