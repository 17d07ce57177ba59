"""The second stage: a text-conditional denoiser in the first stage's latents (paper, section 3.2).

v-prediction (Salimans and Ho 2022) on Stable Diffusion's noise schedule, captions dropped one time
in ten for classifier-free guidance (Ho and Salimans 2021). Scenes are encoded once; captions are
worded anew each time. Cells that a foreground object covers count more, because colours and
shapes of small things would otherwise drown in sky.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from webui.engine.denoisers import V_PREDICTION, NoiseLevels
from webui.engine.samplers import SAMPLERS, SamplerOptions
from webui.engine.schedules import SCHEDULES
from webui.engine.work import Task
from webui.training.first_stage import to_model
from webui.training.runs import (
    Clock,
    Ema,
    Journal,
    Pixels,
    learning_rate,
    load_checkpoint,
    picture_sheet,
    save_checkpoint,
    to_uint8,
    write_png,
)
from webui.training.scenes import UNSEEN_SEEDS, ScenePool
from webui.training.text import caption_text, tokenize

log = logging.getLogger(__name__)

TRAIN_STEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012
"""Stable Diffusion's schedule, linear in the square root of beta."""


@dataclass(frozen=True)
class DenoiserSettings:
    """Everything a denoiser depends on beside its first stage and its text encoder."""

    channels: tuple[int, ...] = (96, 192, 256)
    """Width of each level of the UNet."""
    attention: tuple[bool, ...] = (False, True, True)
    """Which levels attend to themselves and to the text; at 16x16 it costs most and helps least."""
    layers: int = 1
    """Residual blocks a level."""
    heads: int = 4
    batch: int = 32
    peak_learning_rate: float = 8e-4
    ema_decay: float = 0.998
    caption_dropout: float = 0.1
    """Share of examples that see an empty caption, for classifier-free guidance."""
    timestep_bias: float = 0.8
    """Exponent below 1 draws more of the noisy timesteps, at which colours and places are decided."""
    thing_weight: float = 2.0
    """Extra loss weight of a cell that foreground objects cover wholly."""
    budget_seconds: float = 57 * 60
    """Wall-clock training time over all starts."""
    seed: int = 3


RECIPES = {
    "cpu": DenoiserSettings(),
    "gpu": DenoiserSettings(
        channels=(128, 256, 320), attention=(True, True, True), batch=256, budget_seconds=20 * 60
    ),
}


def build_denoiser(
    settings: DenoiserSettings, latent_channels: int, latent_size: int, text_width: int
) -> UNet2DConditionModel:
    """A diffusers UNet of these settings, randomly initialised."""
    down = tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in settings.attention)
    up = tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(settings.attention))
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=settings.channels,
        layers_per_block=settings.layers,
        cross_attention_dim=text_width,
        attention_head_dim=settings.heads,
        norm_num_groups=16,
        use_linear_projection=True,
    )


def cumulative_alphas() -> Tensor:
    """Product of (1 - beta) up to each of the 1000 training timesteps, float64 (1000,)."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_STEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, dim=0)


@torch.no_grad()
def encode_pool(vae: AutoencoderKL, pool: ScenePool, path: Path, batch: int = 32) -> Tensor:
    """Latents of every scene at unit variance, float16 (N, z, h, w); kept in `path`."""
    if path.exists():
        loaded: Tensor = torch.load(path, weights_only=True)  # noqa: TID251  (our own file, tensors only)
        return loaded
    device = next(vae.parameters()).device
    chunks = []
    for start in range(0, len(pool), batch):
        pictures = to_model(pool.pictures[start : start + batch]).to(
            device, memory_format=torch.channels_last
        )
        latents = vae.encode(pictures).latent_dist.mode() * vae.config.scaling_factor
        chunks.append(latents.to(torch.float16).cpu())
    encoded = torch.cat(chunks)
    torch.save(encoded, path)
    return encoded


@dataclass(frozen=True)
class Teacher:
    """The frozen parts that a denoiser is trained between."""

    vae: AutoencoderKL
    tokenizer: CLIPTokenizer
    encoder: CLIPTextModel

    @torch.no_grad()
    def encode_texts(self, texts: list[str]) -> Tensor:
        """Conditioning tokens (B, 77, D)."""
        device = next(self.encoder.parameters()).device
        hidden: Tensor = self.encoder(tokenize(self.tokenizer, texts).to(device)).last_hidden_state
        return hidden


def _timesteps(settings: DenoiserSettings) -> Tensor:
    """Stratified, so that every batch sees all noise levels; denser where composition is decided."""
    even = (torch.arange(settings.batch) + torch.rand(settings.batch)) / settings.batch
    return (even**settings.timestep_bias * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)


def train_denoiser(
    settings: DenoiserSettings,
    teacher: Teacher,
    pool: ScenePool,
    folder: Path,
    device: torch.device,
) -> UNet2DConditionModel:
    """Train, or go on training, in `folder`; returns the averaged denoiser."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)  # noqa: TID251  (a training run owns its process)
    latents = encode_pool(teacher.vae, pool, folder / "latents.pt")
    things = torch.from_numpy(np.array(pool.things)).unsqueeze(1)  # uint8 (N, 1, h, w)
    text_width = teacher.encoder.config.hidden_size
    unet = build_denoiser(settings, latents.shape[1], latents.shape[2], text_width)
    unet = unet.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(unet.parameters(), betas=(0.9, 0.99), weight_decay=0.01)
    alphas = cumulative_alphas().to(device, torch.float32)
    rng = np.random.default_rng(settings.seed)
    ema, clock, step = Ema(unet, settings.ema_decay), Clock(settings.budget_seconds), 0
    checkpoint_path, journal = folder / "checkpoint.pt", Journal(folder, "denoiser")

    if (saved := load_checkpoint(checkpoint_path)) is not None:
        unet.load_state_dict(saved["unet"])
        optimizer.load_state_dict(saved["optimizer"])
        ema.weights, ema.steps, step = saved["ema"], saved["ema_steps"], saved["step"]
        clock.spent_seconds = saved["seconds"]
        rng = np.random.default_rng([settings.seed, step])
        torch.manual_seed(settings.seed + step)  # noqa: TID251

    def save() -> None:
        save_checkpoint(
            checkpoint_path, settings, unet=unet.state_dict(), optimizer=optimizer.state_dict(),
            ema=ema.weights, ema_steps=ema.steps, step=step, seconds=clock.seconds,
        )  # fmt: skip

    last_saved = last_said = clock.seconds
    first_step, said_loss = step, []
    while (progress := clock.progress) < 1.0:
        chosen = rng.integers(len(latents), size=settings.batch)
        texts = [
            ""
            if rng.random() < settings.caption_dropout
            else caption_text(pool.first_seed + int(i), rng)
            for i in chosen
        ]
        x0 = latents[chosen].to(device, torch.float32)  # (B, z, h, w)
        weight = 1 + settings.thing_weight / 255 * things[chosen].to(device, torch.float32)
        t = _timesteps(settings).to(device)
        signal = alphas[t].sqrt().view(-1, 1, 1, 1)
        spread = (1 - alphas[t]).sqrt().view(-1, 1, 1, 1)
        noise = torch.randn_like(x0)
        noisy, velocity = signal * x0 + spread * noise, signal * noise - spread * x0
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            noisy = noisy.contiguous(memory_format=torch.channels_last)
            made = unet(noisy, t, teacher.encode_texts(texts)).sample
            loss = (weight * (made.float() - velocity).square()).mean()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings.peak_learning_rate, step, progress)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        ema.update(unet)
        said_loss.append(loss.item())
        step += 1

        if clock.seconds - last_said > 60 or clock.progress >= 1.0:
            rate = (step - first_step) * settings.batch / max(1e-9, clock.seconds - last_said)
            last_said, first_step = clock.seconds, step
            mean_loss, said_loss = float(np.mean(said_loss)), []
            journal.add(seconds=clock.seconds, step=step, loss=mean_loss, pictures_per_second=rate)
            log.info(
                "denoiser: %.0f s, step %d, loss %.4f, %.1f pictures/s",
                clock.seconds,
                step,
                mean_loss,
                rate,
            )
        if clock.seconds - last_saved > 300:
            last_saved = clock.seconds
            save()
            with ema.applied_to(unet):
                write_png(folder / "samples.png", sample_sheet(unet, teacher))
    save()
    unet.load_state_dict(ema.weights)
    unet.eval()
    write_png(folder / "samples.png", sample_sheet(unet, teacher))
    return unet


@torch.no_grad()
def sample_latents(
    unet: UNet2DConditionModel,
    conditioning: Tensor,
    empty: Tensor,
    steps: int,
    scale: float,
    seed: int,
) -> Tensor:
    """Draw latents with the engine's DDIM and classifier-free guidance, for a look during training.

    Args:
        unet: A v-prediction denoiser.
        conditioning: Text tokens (B, T, D).
        empty: Tokens of the empty text (1, T, D).
        steps: Denoising steps.
        scale: Guidance scale.
        seed: Of the starting noise.
    """
    device, count = conditioning.device, conditioning.shape[0]
    levels = NoiseLevels.from_alphas(cumulative_alphas().tolist(), V_PREDICTION)
    sigmas = SCHEDULES["DDIM"](levels, steps)
    shape = (count, unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device) * sigmas[0]
    rows = torch.cat([conditioning, empty.expand(count, -1, -1)])

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        scaled = levels.scale_input(x, sigma)
        told, untold = unet(torch.cat([scaled, scaled]), levels.timestep(sigma), rows).sample.chunk(
            2
        )
        yield from ()  # samplers delegate to generators; this one needs no engine to answer
        return levels.denoised(x, sigma, untold + scale * (told - untold))

    run = SAMPLERS["DDIM"](denoise, x, sigmas, lambda: torch.zeros_like(x), SamplerOptions())
    try:
        next(run)
    except StopIteration as finished:
        latents: Tensor = finished.value
        return latents
    raise AssertionError("the sampler yielded work, though its denoiser never does")


@torch.no_grad()
def sample_sheet(unet: UNet2DConditionModel, teacher: Teacher, count: int = 24) -> Pixels:
    """Pictures of unseen scenes' captions, with fixed captions and noise, uint8 (H, W, 3)."""
    rng = np.random.default_rng(0)
    texts = [caption_text(UNSEEN_SEEDS + i, rng) for i in range(count)]
    conditioning, empty = teacher.encode_texts(texts), teacher.encode_texts([""])
    latents = sample_latents(unet, conditioning, empty, steps=20, scale=4.0, seed=0)
    pictures = teacher.vae.decode(latents / teacher.vae.config.scaling_factor).sample
    return picture_sheet(to_uint8(pictures), columns=8)
