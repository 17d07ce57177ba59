"""The diffusion that all starter models share: noise schedule, loss, and sampling for a look.

v-prediction (Salimans and Ho 2022) on Stable Diffusion's schedule, stretched so that its last
timestep is all noise (Lin et al. 2023), with plain Gaussian noise (no offset). Where a trace of the
picture is left in the last timestep, a network learns to trust it, and draws night for "by day" where
the noise that a picture begins with happens to be dark. `min_snr_gamma` weights timesteps as Hang et al. 2023 (Min-SNR), equation for v.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from webui.engine.denoisers import V_PREDICTION, NoiseLevels
from webui.engine.families.parts import zero_terminal_snr
from webui.engine.samplers import SAMPLERS, SamplerOptions
from webui.engine.schedules import SCHEDULES
from webui.engine.work import Task

TRAIN_STEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012
"""Stable Diffusion's schedule, linear in the square root of beta."""

Predict = Callable[[Tensor, Tensor], Tensor]
"""(noisy latents (B, C, h, w), timesteps (B,)) -> velocity (B, C, h, w)."""


@dataclass(frozen=True)
class NoiseSettings:
    """Which noise levels are learned, and how much each counts."""

    timestep_bias: float = 0.8
    """Exponent below 1 draws more of the noisy timesteps, at which colours and places are decided."""
    min_snr_gamma: float | None = None
    """Weight of a timestep min(snr, gamma) / (snr + 1); None counts all alike.

    It takes weight from the noisiest timesteps, so it suits models whose condition already gives
    the composition (a class map, a depth map, a small picture) and not those that read it from
    text: these decide colours and places there.
    """


def cumulative_alphas() -> Tensor:
    """Product of (1 - beta) up to each of the 1000 training timesteps, float64 (1000,)."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_STEPS, dtype=torch.float64) ** 2
    return zero_terminal_snr(torch.cumprod(1 - betas, dim=0))


def noise_levels() -> NoiseLevels:
    """The engine's view of this schedule."""
    return NoiseLevels.from_alphas(cumulative_alphas().tolist(), V_PREDICTION)


def draw_timesteps(count: int, bias: float, device: torch.device) -> Tensor:
    """Timesteps (count,), stratified so that every batch sees all noise levels."""
    even = (torch.arange(count, device=device) + torch.rand(count, device=device)) / count
    return (even**bias * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)


def diffuse(x0: Tensor, t: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Noisy latents at timesteps t, and the velocity that leads back; both like x0 (B, C, h, w)."""
    alphas = cumulative_alphas().to(x0.device, torch.float32)[t].view(-1, 1, 1, 1)
    signal, spread = alphas.sqrt(), (1 - alphas).sqrt()
    return signal * x0 + spread * noise, signal * noise - spread * x0


def velocity_loss(
    predict: Predict, x0: Tensor, settings: NoiseSettings, cell_weight: Tensor | None = None
) -> Tensor:
    """Mean weighted squared error of the velocity for one batch, a scalar.

    Args:
        predict: The network with its conditioning bound.
        x0: Clean latents at unit variance, float32 (B, C, h, w).
        settings: Which timesteps, and their weights.
        cell_weight: Further weight of each latent cell, (B, 1, h, w).
    """
    t = draw_timesteps(len(x0), settings.timestep_bias, x0.device)
    noisy, velocity = diffuse(x0, t, torch.randn_like(x0))
    made = predict(noisy.contiguous(memory_format=torch.channels_last), t).float()
    error = (made - velocity).square()
    if cell_weight is not None:
        error = error * cell_weight
    if settings.min_snr_gamma is not None:
        alphas = cumulative_alphas().to(x0.device, torch.float32)[t].view(-1, 1, 1, 1)
        snr = alphas / (1 - alphas)
        error = error * (snr.clamp(max=settings.min_snr_gamma) / (snr + 1))
    return error.mean()


@torch.no_grad()
def sample(
    predict: Predict,
    shape: tuple[int, ...],
    steps: int,
    seed: int,
    device: torch.device,
    schedule: str = "SGM Uniform",
) -> Tensor:
    """Latents drawn with the engine's DDIM, for sheets during training; (B, C, h, w)."""
    levels = noise_levels()
    sigmas = SCHEDULES[schedule](levels, steps)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        t = torch.full((len(x),), levels.timestep(sigma), device=device)
        yield from ()  # samplers delegate to generators; this one needs no engine to answer
        return levels.denoised(x, sigma, predict(levels.scale_input(x, sigma), t).float())

    x = noise.to(device) * sigmas[0]
    run = SAMPLERS["DDIM"](
        denoise, x, sigmas, lambda _between=None: torch.zeros_like(x), SamplerOptions()
    )
    try:
        next(run)
    except StopIteration as finished:
        latents: Tensor = finished.value
        return latents
    raise AssertionError("the sampler yielded work, though its denoiser never does")
