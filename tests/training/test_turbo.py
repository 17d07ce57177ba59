"""Distillation to a few steps."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, LCMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor

from tests.training.kinds import SameBatch, check_learns, run_main, same_parts, tiny_unet
from tests.training.parts import CPU, SIZE, TINY_LOOP
from webui.contracts.ids import ModelId
from webui.services.diffusers_folder import describe_folder
from webui.training.diffusion import diffuse, noise_levels
from webui.training.export import make_scheduler
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts
from webui.training.turbo import (
    Distilled,
    TurboSettings,
    clean_guess,
    consistent,
    ddim_step,
    distillation_loss,
    draw_quickly,
    main,
    train_turbo,
)

SETTINGS = TurboSettings(loop=TINY_LOOP)


def test_a_true_velocity_leads_back_to_the_clean_latent_and_along_its_own_path() -> None:
    x0, noise = torch.randn(3, 8, 4, 4), torch.randn(3, 8, 4, 4)
    t, earlier = torch.tensor([999, 500, 20]), torch.tensor([979, 480, 0])
    x, velocity = diffuse(x0, t, noise)
    assert torch.allclose(clean_guess(x, t, velocity), x0, atol=1e-4)
    assert torch.allclose(
        ddim_step(x, t, earlier, velocity), diffuse(x0, earlier, noise)[0], atol=1e-4
    )


def test_a_step_is_the_one_of_diffusers_ddim() -> None:
    scheduler: DDIMScheduler = make_scheduler()
    scheduler.set_timesteps(50)
    x, velocity = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 4)
    theirs = scheduler.step(velocity, 501, x).prev_sample
    ours = ddim_step(x, torch.tensor([501]), torch.tensor([481]), velocity)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_consistency_function_is_x_at_timestep_zero_and_the_samplers_guess_elsewhere() -> None:
    x, velocity = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 4)
    assert torch.equal(consistent(x, torch.tensor([0]), velocity), x)
    levels = noise_levels()
    for t in (20, 250, 999):
        sigma = levels.sigma(t)
        guess = levels.denoised(x * (sigma**2 + 1) ** 0.5, sigma, velocity)
        assert torch.allclose(consistent(x, torch.tensor([t]), velocity), guess, atol=1e-3)


def test_the_boundary_is_that_of_diffusers_lcm() -> None:
    scheduler: LCMScheduler = make_scheduler(few_steps=True)
    x, velocity = torch.randn(1, 8, 4, 4), torch.randn(1, 8, 4, 4)
    for t in (1, 3, 19):
        skip, out = scheduler.get_scalings_for_boundary_condition_discrete(t)
        wanted = skip * x + out * clean_guess(x, torch.tensor([t]), velocity)
        assert torch.allclose(consistent(x, torch.tensor([t]), velocity), wanted, atol=1e-5)


def test_who_knows_the_truth_has_nothing_to_learn_and_only_the_student_learns() -> None:
    torch.manual_seed(0)
    x0 = torch.randn(16, 8, 4, 4)

    def truth(x: Tensor, t: Tensor) -> Tensor:
        """The velocity of the noise that was added to x0."""
        signal = torch.from_numpy(np.sqrt(_alphas(t))).float().view(-1, 1, 1, 1)
        spread = (1 - signal**2).sqrt()
        return signal * (x - signal * x0) / spread - spread * x0

    perfect = distillation_loss(truth, truth, truth, x0, SETTINGS)
    assert perfect.shape == x0.shape
    wrong = distillation_loss(lambda x, t: truth(x, t) + 1, truth, truth, x0, SETTINGS)
    assert perfect.mean() < 0.02 * wrong.mean()  # what is left is rounding
    weights = [torch.zeros((), requires_grad=True) for _ in range(3)]
    student, target, teacher = (
        lambda x, t, weight=weight: truth(x, t) + weight for weight in weights
    )
    torch.autograd.backward(distillation_loss(student, target, teacher, x0, SETTINGS).mean())
    assert weights[0].grad is not None
    assert (weights[1].grad, weights[2].grad) == (None, None)


def _alphas(t: Tensor) -> NDArray[np.float64]:
    sigmas = np.array([noise_levels().sigma(int(one)) for one in t])
    alphas: NDArray[np.float64] = 1 / (1 + sigmas**2)
    return alphas


def test_the_target_follows_the_student_and_is_kept_with_it() -> None:
    distilled = Distilled(tiny_unet())
    with torch.no_grad():
        distilled.student.conv_in.bias.fill_(1.0)
        distilled.target.conv_in.bias.zero_()
    distilled.follow(0.95)
    assert torch.allclose(distilled.target.conv_in.bias, torch.tensor(0.05))
    assert "target.conv_in.bias" in distilled.state_dict()
    assert not any(p.requires_grad for p in distilled.target.parameters())


def test_the_student_comes_closer_to_itself_along_the_teachers_path_and_goes_on(
    tmp_path: Path,
) -> None:
    parts, source, teacher = same_parts(), SameBatch(), tiny_unet()
    tokens, nothing = parts.tokens(list(source.examples.captions)), parts.tokens([""] * 4)
    x0 = parts.encode(source.examples.pictures)

    @torch.no_grad()
    def inconsistency(unet: UNet2DConditionModel) -> float:
        torch.manual_seed(5)

        def student(x: Tensor, t: Tensor) -> Tensor:
            velocity: Tensor = unet(x, t, tokens).sample
            return velocity

        def guided(x: Tensor, t: Tensor) -> Tensor:
            told, untold = teacher(x, t, tokens).sample, teacher(x, t, nothing).sample
            velocity: Tensor = untold + SETTINGS.guidance_scale * (told - untold)
            return velocity

        losses = [distillation_loss(student, student, guided, x0, SETTINGS) for _ in range(8)]
        return float(torch.stack(losses).mean())

    def train(loop: LoopSettings) -> UNet2DConditionModel:
        settings = TurboSettings(loop=loop)
        return train_turbo(settings, parts, source, tmp_path, tiny_unet())

    check_learns(train, inconsistency, inconsistency(tiny_unet()), tmp_path)


def test_pictures_are_drawn_by_the_engines_sampler_alike_for_one_seed() -> None:
    parts, unet = same_parts(), tiny_unet()
    first = draw_quickly(unet, parts, ["a red house", "the sea"])
    assert first.shape == (2, 8, 4, 4)
    assert torch.equal(first, draw_quickly(unet, parts, ["a red house", "the sea"]))
    assert not torch.equal(first, draw_quickly(unet, parts, ["a red house", "the sea"], seed=1))


def test_the_command_makes_a_model_that_the_catalog_and_other_programs_read(tmp_path: Path) -> None:
    folder = run_main(main, "turbo", tmp_path)
    info = describe_folder(folder, ModelId("starter/turbo"))
    assert (info.task, info.prediction, info.native_width) == ("text", "v_prediction", SIZE)
    assert dict(info.defaults) == {
        "sampler": "LCM", "schedule": "SGM Uniform", "steps": 4, "guidance_scale": 1.0
    }  # fmt: skip
    shared = FrozenParts.load(tmp_path / "models" / "text", CPU)
    pipe = StableDiffusionPipeline.from_pretrained(
        folder, vae=shared.vae, text_encoder=shared.encoder, tokenizer=shared.tokenizer
    )
    pipe.set_progress_bar_config(disable=True)
    made = pipe(
        "a red house", num_inference_steps=4, guidance_scale=1.0, height=SIZE, width=SIZE,
        output_type="np",
    ).images  # fmt: skip
    assert made.shape == (1, SIZE, SIZE, 3)
    with pytest.raises(AttributeError):
        _ = pipe.unet.config.time_cond_proj_dim.bit_length()  # no embedding of a guidance scale
