"""Four steps instead of twenty: a latent consistency model, distilled from the text model.

    python launch.py train turbo

Luo et al. 2023 (Latent Consistency Models, algorithm 1; LCM), after Song et al. 2023 (Consistency
Models). The student learns that its guess of the clean latent is the same at both ends of a step
that the teacher walks under classifier-free guidance; so one guess is worth the whole walk, and it
has guidance in it: it is drawn with at guidance scale 1, at half the cost of a guided step.

The guidance scale is fixed. The paper feeds it to the network as one more embedding, which would
make the folder another kind of network than a plain UNet that every program loads; and the text
model is at its best within a narrow range of scales, so there is little to choose.

The student predicts velocity, as its teacher does. The consistency function is c_skip x + c_out x0,
where x0 is the guess that belongs to the velocity (equation 9 of the paper); with its timestep
scaling, c_out is 1 and c_skip 0 to within a thousandth from the tenth timestep on. So the sampler
takes x0 itself, as it does of any model.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from webui.engine.samplers import SAMPLERS, SamplerOptions
from webui.engine.schedules import SCHEDULES
from webui.engine.work import Task
from webui.training.command import (
    is_main,
    load_finished,
    load_start,
    native_size,
    open_source,
    parse,
    with_budget,
)
from webui.training.diffusion import (
    Predict,
    cumulative_alphas,
    diffuse,
    draw_timesteps,
    noise_levels,
)
from webui.training.examples import Source
from webui.training.export import Card, Export, export_folder, write_card
from webui.training.loop import LoopSettings, fit
from webui.training.networks import FrozenParts
from webui.training.runs import Pixels, picture_sheet
from webui.training.scenes import UNSEEN_SEEDS
from webui.training.text_to_image import drop_captions, thing_weights
from webui.training.world import caption_text

SIGMA_DATA = 0.5
TIMESTEP_SCALING = 10.0
"""Both of the paper's boundary conditions."""
STEPS = 4
"""Of a picture, as the folder's defaults and the sheets have it."""
SCHEDULE = "SGM Uniform"
"""Likewise; what the model in the box was measured at."""


@dataclass(frozen=True)
class TurboSettings:
    """Everything a distillation depends on beside its teacher."""

    loop: LoopSettings = field(default_factory=LoopSettings)
    guidance_scale: float = 3.0
    """Of the teacher's steps, as the studio counts it; the paper's omega is one less."""
    skip: int = 20
    """Timesteps of one step of the teacher's DDIM: the paper's walk of fifty. The guess wanders up
    the path link by link, so a run of a few hundred steps gains more from a walk of twenty."""
    target_decay: float = 0.95
    """Of the averaged student that gives the targets."""
    huber: float = 0.001
    """c of the pseudo-Huber loss sqrt(d^2 + c^2) - c."""
    caption_dropout: float = 0.05
    """Share of examples that see an empty caption; with one there is nothing to guide towards."""
    thing_weight: float = 2.0
    """Extra loss weight of a cell that foreground objects cover wholly."""


RECIPES = {
    "cpu": TurboSettings(
        # Squared error of the guess from pure noise, against the teacher's walk, was 0.39 before,
        # 0.31 after 130 steps of skip 20 and 0.23 after 210 of skip 50.
        skip=50,
        loop=LoopSettings(
            batch=24, peak_learning_rate=2e-4, warmup_steps=100, weight_decay=0.0, ema_decay=0.995,
            budget_seconds=15 * 60,
        )
    ),
    "gpu": TurboSettings(
        skip=50,
        loop=LoopSettings(
            batch=96, peak_learning_rate=3e-4, warmup_steps=50, weight_decay=0.0, ema_decay=0.995,
            budget_seconds=205,
        )
    ),
}  # fmt: skip


class Distilled(nn.Module):
    """The student, and the averaged student beside it; both go into a checkpoint."""

    def __init__(self, student: UNet2DConditionModel) -> None:
        super().__init__()
        self.student = student
        self.target = copy.deepcopy(student).requires_grad_(False)

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        """The student's velocity (B, z, h, w)."""
        velocity: Tensor = self.student(x, t, tokens).sample
        return velocity

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Move the target towards the student."""
        pairs = zip(self.target.parameters(), self.student.parameters(), strict=True)
        for target, student in pairs:
            target.lerp_(student, 1 - decay)


def _alphas(t: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of signal and of noise at timesteps (B,), each (B, 1, 1, 1)."""
    alphas = cumulative_alphas().to(t.device, torch.float32)[t].view(-1, 1, 1, 1)
    return alphas.sqrt(), (1 - alphas).sqrt()


def clean_guess(x: Tensor, t: Tensor, velocity: Tensor) -> Tensor:
    """The clean latent that a velocity stands for (Salimans and Ho 2022, appendix D)."""
    signal, spread = _alphas(t)
    return signal * x - spread * velocity


def ddim_step(x: Tensor, t: Tensor, earlier: Tensor, velocity: Tensor) -> Tensor:
    """Noisy latents at the timesteps `earlier`, from those at t (DDIM, Song et al. 2020)."""
    signal, spread = _alphas(t)
    noise = spread * x + signal * velocity
    signal_before, spread_before = _alphas(earlier)
    return signal_before * clean_guess(x, t, velocity) + spread_before * noise


def consistent(x: Tensor, t: Tensor, velocity: Tensor) -> Tensor:
    """The consistency function: x itself at timestep 0, else nearly the guess of the clean latent."""
    scaled = TIMESTEP_SCALING * t.float().view(-1, 1, 1, 1)
    skip = SIGMA_DATA**2 / (scaled**2 + SIGMA_DATA**2)
    out = scaled / (scaled**2 + SIGMA_DATA**2).sqrt()
    return skip * x + out * clean_guess(x, t, velocity)


def distillation_loss(
    student: Predict, target: Predict, teacher: Predict, x0: Tensor, settings: TurboSettings
) -> Tensor:
    """Pseudo-Huber distance (B, z, h, w) of the guesses at both ends of one step of the teacher.

    Args:
        student: The network that learns; gradients flow through it alone.
        target: Its average.
        teacher: The guided teacher.
        x0: Clean latents at unit variance (B, z, h, w).
        settings: Length of the step, and the loss's constant.
    """
    t = draw_timesteps(len(x0), 1.0, x0.device).clamp(min=1)
    earlier = (t - settings.skip).clamp(min=0)
    x, _ = diffuse(x0, t, torch.randn_like(x0))
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        before = ddim_step(x, t, earlier, teacher(x, t).float())
        wanted = consistent(before, earlier, target(before, earlier).float())
    made = consistent(x, t, student(x, t).float())
    return ((made - wanted).square() + settings.huber**2).sqrt() - settings.huber


def train_turbo(
    settings: TurboSettings,
    parts: FrozenParts,
    source: Source,
    folder: Path,
    start: UNet2DConditionModel,
    student: UNet2DConditionModel | None = None,
) -> UNet2DConditionModel:
    """Distil, or go on, in `folder`; returns the averaged student.

    Args:
        settings: Of the distillation and its loop.
        parts: First stage and text encoder.
        source: Of pictures with captions.
        folder: Of the run.
        start: The teacher: a text model's denoiser that predicts velocity.
        student: An earlier student to go on with; None begins with the teacher itself.
    """
    distilled = Distilled(copy.deepcopy(start) if student is None else student)
    teacher = start.eval().requires_grad_(False)
    teacher.to(parts.device, memory_format=torch.channels_last)
    nothing = parts.tokens([""])  # (1, 77, D)

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        distilled.follow(settings.target_decay)
        examples = source.draw(settings.loop.batch, rng)
        x0 = parts.latents(examples)  # (B, z, h, w)
        tokens = parts.tokens(drop_captions(examples.captions, settings.caption_dropout, rng))
        rows = torch.cat([tokens, nothing.expand_as(tokens)])

        def guided(x: Tensor, t: Tensor) -> Tensor:
            told, untold = teacher(torch.cat([x, x]), torch.cat([t, t]), rows).sample.chunk(2)
            velocity: Tensor = untold + settings.guidance_scale * (told - untold)
            return velocity

        distance = distillation_loss(
            lambda x, t: network(x, t, tokens),
            lambda x, t: distilled.target(x, t, tokens).sample,
            guided, x0, settings,
        )  # fmt: skip
        weight = thing_weights(examples, settings.thing_weight, x0)
        return (distance if weight is None else distance * weight).mean()

    fit(distilled, loss, settings.loop, folder, settings, lambda d: turbo_sheet(d.student, parts))
    return distilled.student


@torch.no_grad()
def draw_quickly(
    unet: UNet2DConditionModel,
    parts: FrozenParts,
    texts: list[str],
    steps: int = STEPS,
    seed: int = 0,
) -> Tensor:
    """Latents (B, z, h, w) of texts, without guidance, by the engine's own LCM sampler."""
    levels, tokens = noise_levels(), parts.tokens(texts)
    sigmas = SCHEDULES[SCHEDULE](levels, steps)
    size = int(unet.config.sample_size)
    shape = (len(texts), int(unet.config.out_channels), size, size)
    generator = torch.Generator().manual_seed(seed)

    def noise(_between: tuple[float, float] | None = None, /) -> Tensor:
        return torch.randn(shape, generator=generator).to(parts.device)

    def denoise(x: Tensor, sigma: float) -> Task[Tensor]:
        t = torch.full((len(x),), levels.timestep(sigma), device=parts.device)
        yield from ()  # samplers delegate to generators; this one needs no engine to answer
        velocity = unet(levels.scale_input(x, sigma), t, tokens).sample.float()
        return levels.denoised(x, sigma, velocity)

    run = SAMPLERS["LCM"](denoise, noise() * sigmas[0], sigmas, noise, SamplerOptions())
    try:
        next(run)
    except StopIteration as finished:
        latents: Tensor = finished.value
        return latents
    raise AssertionError("the sampler yielded work, though its denoiser never does")


@torch.no_grad()
def turbo_sheet(unet: UNet2DConditionModel, parts: FrozenParts, count: int = 24) -> Pixels:
    """Pictures of unseen scenes' captions in four steps, as the text model's sheet has them."""
    rng = np.random.default_rng(0)
    texts = [caption_text(UNSEEN_SEEDS + i, rng) for i in range(count)]
    return picture_sheet(parts.decode(draw_quickly(unet, parts, texts)), columns=8)


CARD = Card(
    title="Starter turbo: a picture in four steps",
    summary="Draws what the starter's text model draws, in four steps without guidance instead of "
    "twenty with it. It is that model, distilled into a latent consistency model.",
    limits="Use the LCM sampler, two to eight steps and guidance scale 1. Details are softer than "
    "the text model's, and one prompt's pictures are more alike.",
    tags=("text-to-image", "lcm"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, export and write the card."""
    command = parse("turbo", __doc__ or "", arguments)
    settings = with_budget(RECIPES[command.recipe], command.minutes)
    parts, unet = load_start(command)
    source = open_source(command, parts, native_size(parts, unet), settings.loop.batch)
    student = load_finished(command, UNet2DConditionModel, "unet") if command.go_on else None
    unet = train_turbo(settings, parts, source, command.work, unet, student)
    if is_main():
        about = Export(
            defaults={
                "sampler": "LCM",
                "schedule": SCHEDULE,
                "steps": STEPS,
                "guidance_scale": 1.0,
            },
            few_steps=True,
        )
        export_folder(command.out, {"unet": unet}, about, command.start)
        write_card(command.out, CARD, command, unet)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
