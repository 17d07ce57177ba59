"""The first stage: a KL-regularised autoencoder of factor 8 (Rombach et al. 2022, section 3.1).

Reads top to bottom: settings, losses, discriminator, the loop, the export. The perceptual part of
the loss needs no pretrained network: it compares the pictures' Laplacian pyramids, so that edges
count at every scale; a small patch discriminator (Isola et al. 2017) joins near the end.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from webui.training.reconstruction import (
    PatchDiscriminator,
    adversarial_weight,
    reconstruction_loss,
)
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
from webui.training.scenes import UNSEEN_SEEDS, ScenePool, scene_pool

log = logging.getLogger(__name__)

REPORT_SECONDS, SAVE_SECONDS = 60, 180
"""Time between two reports, and between two checkpoints."""


@dataclass(frozen=True)
class FirstStageSettings:
    """Everything a first stage depends on."""

    size: int = 128
    """Side of a training scene in pixels."""
    scenes: int = 40_000
    """Distinct scenes drawn for training."""
    latent_channels: int = 8
    """Channels z of the latent; the paper's kl-f8 has 4, more keep small pictures sharp."""
    channels: tuple[int, ...] = (24, 48, 96, 128)
    """Width of each resolution level; four levels make f = 8."""
    crop: int = 64
    """Side of the crops of the first part; cheap steps teach texture and edges fast."""
    crop_batch: int = 16
    """Crops a step."""
    full_from: float = 0.7
    """Share of the budget after which whole scenes replace crops."""
    full_batch: int = 6
    """Whole scenes a step."""
    discriminator_from: float = 0.85
    """Share of the budget after which the patch discriminator joins; above 1 it never does."""
    discriminator_weight: float = 0.02
    """Weight of its loss, relative to the gradient of the reconstruction at the last layer."""
    kl_weight: float = 1e-3
    """Weight of the Kullback-Leibler divergence of one latent value, mean over all. (The paper's table
    has 1e-6 for the sum over a picture's, beside a reconstruction that is summed as well.)"""
    squared_error: float = 4.0
    """Weight of the mean squared error beside absolute error and edges: PSNR counts nothing else."""
    peak_learning_rate: float = 1.5e-3
    """AdamW, warmed up and then a cosine over the budget."""
    ema_decay: float = 0.998
    """Decay of the averaged weights that are kept."""
    budget_seconds: float = 25 * 60
    """Wall-clock training time over all starts."""
    seed: int = 1
    """Of weights and data order."""


RECIPES = {
    "cpu": FirstStageSettings(),
    # Twelve channels and no discriminator: at 256 pixels what is wanted is the picture itself, grain of
    # paper and all, and a discriminator pays for sharpness with a decibel.
    "gpu": FirstStageSettings(
        size=256,
        scenes=16_000,
        latent_channels=12,
        channels=(32, 64, 128, 128),
        crop=128,
        crop_batch=96,
        full_from=0.6,
        full_batch=32,
        discriminator_from=2.0,
        squared_error=12.0,
        peak_learning_rate=1e-3,
        ema_decay=0.999,
        budget_seconds=165,
    ),
}


def build_first_stage(settings: FirstStageSettings) -> AutoencoderKL:
    """A diffusers autoencoder of these settings, randomly initialised."""
    levels = len(settings.channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=settings.channels,
        layers_per_block=1,
        latent_channels=settings.latent_channels,
        norm_num_groups=8,
        sample_size=settings.size,
        scaling_factor=1.0,
    )


@torch.no_grad()
def reconstruction_psnr(vae: AutoencoderKL, pictures: Pixels, batch: int = 16) -> float:
    """Mean PSNR in dB over uint8 pictures (N, H, W, 3), after rounding to 8 bits as users see it."""
    device = next(vae.parameters()).device
    scores = []
    for start in range(0, len(pictures), batch):
        wanted = pictures[start : start + batch]
        made = to_uint8(vae.decode(vae.encode(to_model(wanted, device)).latent_dist.mode()).sample)
        error = ((made.astype(np.float64) - wanted) ** 2).mean(axis=(1, 2, 3))
        scores.append(10 * np.log10(255**2 / np.maximum(error, 1e-9)))
    return float(np.concatenate(scores).mean())


def to_model(pictures: Pixels, device: torch.device | None = None) -> Tensor:
    """uint8 RGB (B, H, W, 3) to float in [-1, 1], (B, 3, H, W), channels last in memory.

    They travel to the device as bytes, a quarter of what they are as numbers.
    """
    tensor = torch.from_numpy(np.array(pictures)).to(device or "cpu").permute(0, 3, 1, 2)
    return tensor.to(torch.float32).div(127.5).sub(1)


def _batch(
    pool: ScenePool, settings: FirstStageSettings, progress: float, rng: np.random.Generator
) -> Pixels:
    if progress >= settings.full_from:
        return pool.pictures[np.sort(rng.integers(len(pool), size=settings.full_batch))]
    limit = settings.size - settings.crop + 1
    crops = []
    for i in rng.integers(len(pool), size=settings.crop_batch):
        top, left = rng.integers(limit, size=2)
        crop = pool.pictures[i, top : top + settings.crop, left : left + settings.crop]
        crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return np.stack(crops)


class _Run:
    """Autoencoder and discriminator in training: a step, and what a checkpoint keeps."""

    def __init__(
        self, settings: FirstStageSettings, folder: Path, device: torch.device, vae: AutoencoderKL
    ) -> None:
        self.settings, self.path = settings, folder / "checkpoint.pt"
        self.vae = vae.to(device, memory_format=torch.channels_last)
        self.judge = PatchDiscriminator().to(device)
        self.optimizer = torch.optim.AdamW(
            vae.parameters(), betas=(0.9, 0.99), weight_decay=1e-4, fused=device.type == "cuda"
        )
        self.judge_optimizer = torch.optim.AdamW(self.judge.parameters(), 3e-4, betas=(0.5, 0.9))
        self.ema, self.clock = Ema(vae, settings.ema_decay), Clock(settings.budget_seconds)
        self.step = 0
        self.rng = np.random.default_rng(settings.seed)

    def resume(self) -> None:
        """Take up what an earlier start left, if any."""
        if (saved := load_checkpoint(self.path)) is None:
            return
        self.vae.load_state_dict(saved["vae"])
        self.judge.load_state_dict(saved["judge"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.judge_optimizer.load_state_dict(saved["judge_optimizer"])
        self.ema.weights, self.ema.steps = saved["ema"], saved["ema_steps"]
        self.step, self.clock.spent_seconds = saved["step"], saved["seconds"]
        self.rng = np.random.default_rng([self.settings.seed, self.step])

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        save_checkpoint(
            self.path, self.settings, vae=self.vae.state_dict(), judge=self.judge.state_dict(),
            optimizer=self.optimizer.state_dict(),
            judge_optimizer=self.judge_optimizer.state_dict(), ema=self.ema.weights,
            ema_steps=self.ema.steps, step=self.step, seconds=self.clock.seconds,
        )  # fmt: skip

    def learn(self, x: Tensor, progress: float) -> Tensor:
        """One step on pictures (B, 3, H, W) in [-1, 1]; the reconstruction's loss."""
        settings, vae = self.settings, self.vae
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(settings.peak_learning_rate, self.step, progress)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda"):
            posterior = vae.encode(x).latent_dist
            made = vae.decode(posterior.sample()).sample
            rec = reconstruction_loss(made.float(), x, settings.squared_error)
            loss = rec + settings.kl_weight * posterior.kl().mean() / posterior.mean[0].numel()
            if adversarial_on := progress >= settings.discriminator_from:
                fooled = -self.judge(made).mean()
                balance = adversarial_weight(rec, fooled, vae.decoder.conv_out.weight)
                loss = loss + settings.discriminator_weight * balance * fooled
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        self.optimizer.step()
        if adversarial_on:
            self._judge_learns(x, made.detach().float())
        self.ema.update(vae)
        self.step += 1
        return rec.detach()  # to read it now would wait for the device

    def _judge_learns(self, true: Tensor, made: Tensor) -> None:
        """Hinge loss (Lim and Ye 2017)."""
        judged = F.relu(1 - self.judge(true)).mean() + F.relu(1 + self.judge(made)).mean()
        self.judge_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(judged)
        self.judge_optimizer.step()


def train_first_stage(
    settings: FirstStageSettings, folder: Path, device: torch.device, start: Path | None = None
) -> AutoencoderKL:
    """Train, or go on training, in `folder`; returns the averaged autoencoder at unit variance.

    Args:
        settings: Of the autoencoder.
        folder: Of the run; the scenes are kept beside it.
        device: To train on.
        start: Folder of an autoencoder of the same size whose weights are trained on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pool = scene_pool(folder.parent / "scenes", settings.scenes, settings.size)
    unseen = scene_pool(folder.parent / "scenes", 64, settings.size, UNSEEN_SEEDS).pictures
    torch.manual_seed(settings.seed)  # noqa: TID251  (a training run owns its process)
    vae = build_first_stage(settings)
    if start is not None:
        older = AutoencoderKL.from_pretrained(start, torch_dtype=torch.float32)
        vae.load_state_dict(older.state_dict())
    run, journal = _Run(settings, folder, device, vae), Journal(folder, "first-stage")
    run.resume()
    clock = run.clock
    last_saved = last_said = clock.seconds
    while (progress := clock.progress) < 1.0:
        x = to_model(_batch(pool, settings, progress, run.rng), device)
        loss = run.learn(x.contiguous(memory_format=torch.channels_last), progress)
        if clock.seconds - last_said > REPORT_SECONDS or clock.progress >= 1.0:
            last_said = clock.seconds
            _report(run, journal, unseen, loss.item())
        if clock.seconds - last_saved > SAVE_SECONDS:
            last_saved = clock.seconds
            run.save()
    run.save()
    vae.load_state_dict(run.ema.weights)
    return normalise_latents(vae.eval(), pool)


def _report(run: _Run, journal: Journal, unseen: Pixels, loss: float) -> None:
    """What the averaged network makes of unseen scenes, as a number, a line and a picture."""
    seconds = run.clock.seconds
    with run.ema.applied_to(run.vae):
        psnr = reconstruction_psnr(run.vae, unseen)
        sheet = _comparison(run.vae, unseen[:8])
    write_png(run.path.with_name("reconstructions.png"), sheet)
    journal.add(seconds=seconds, step=run.step, loss=loss, psnr_unseen_db=psnr)
    log.info(
        "first stage: %.0f s, step %d, loss %.4f, unseen %.2f dB", seconds, run.step, loss, psnr
    )


@torch.no_grad()
def normalise_latents(vae: AutoencoderKL, pool: ScenePool, count: int = 512) -> AutoencoderKL:
    """Set the scaling factor that gives latents unit variance (section 4.3.2 of the paper)."""
    device = next(vae.parameters()).device
    chunks = [
        to_model(pool.pictures[i : i + 32], device) for i in range(0, min(count, len(pool)), 32)
    ]
    latents = torch.cat([vae.encode(chunk).latent_dist.mode() for chunk in chunks])
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    return vae


@torch.no_grad()
def _comparison(vae: AutoencoderKL, pictures: Pixels) -> Pixels:
    device = next(vae.parameters()).device
    made = to_uint8(vae.decode(vae.encode(to_model(pictures, device)).latent_dist.mode()).sample)
    return picture_sheet(np.concatenate([pictures, made]), columns=len(pictures))
