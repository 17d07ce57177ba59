"""The arithmetic of guidance, and the steps in which it acts."""

from __future__ import annotations

import pytest
import torch

from webui.contracts.request import GenerationRequest
from webui.engine.classifier_free import Guidance, degraded, rescaled, weighed
from webui.engine.families.parts import noise_levels
from webui.engine.sampling_plan import Walk

LEVELS = noise_levels({"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"})


def rows(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(seed))


def of(**fields: object) -> tuple[Guidance, Walk]:
    request = GenerationRequest.model_validate({"prompt": "", "steps": 10, **fields})
    walk = Walk.of(request, LEVELS)
    return Guidance.of(request, walk), walk


def acting(guidance: Guidance, walk: Walk) -> list[bool]:
    return [guidance.acts(sigma) for sigma in walk.sigmas[:-1]]


def test_left_alone_it_acts_always_by_its_scale_and_changes_nothing_else() -> None:
    guidance, walk = of(guidance_scale=7.5)
    assert all(acting(guidance, walk))
    assert torch.equal(guidance.combined(rows(), (1.0,)), weighed(rows(), (1.0,), 7.5))


def test_it_acts_within_its_share_of_the_steps_and_between_their_levels() -> None:
    guidance, walk = of(guidance_start=0.2, guidance_end=0.7)
    assert acting(guidance, walk) == [False] * 2 + [True] * 5 + [False] * 3
    between = (walk.sigmas[1] * walk.sigmas[2]) ** 0.5
    assert not guidance.acts(between)  # a stage within the second step


def test_below_its_least_sigma_every_other_step_goes_without_the_negative_prompt() -> None:
    guidance, walk = of(negative_guidance_minimum_sigma=1.0)
    expected = [not (sigma < 1 and i % 2 == 1) for i, sigma in enumerate(walk.sigmas[:-1])]
    assert acting(guidance, walk) == expected
    assert not all(expected)


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({"guidance_scale": 1.0}, False),
        ({"guidance_scale": 2.0}, True),
        ({"guidance_scale": 2.0, "guidance_start": 1.0}, False),
        ({"guidance_scale": 1.0, "sampler": "DDIM CFG++"}, True),
    ],
)
def test_a_negative_row_is_there_where_it_is_needed(
    fields: dict[str, object], needed: bool
) -> None:
    assert of(**fields)[0].needs_negative is needed


def test_cfgpp_takes_the_scale_that_others_take() -> None:
    assert of(guidance_scale=12.5, sampler="DDIM CFG++")[0].scale == pytest.approx(1.0)


def test_rescaled_wholly_the_contrast_is_the_prompts_own() -> None:
    output = rows()
    guided, prompt = weighed(output, (1.0,), 7.5), output[:1]
    assert float(guided.std()) > 2 * float(prompt.std())
    assert float(rescaled(guided, prompt, 1.0).std()) == pytest.approx(
        float(prompt.std()), rel=1e-4
    )
    half = rescaled(guided, prompt, 0.5)
    assert torch.allclose(half, (guided + rescaled(guided, prompt, 1.0)) / 2, atol=1e-5)


def test_a_request_brings_each_setting_to_the_arithmetic() -> None:
    plain = of(guidance_scale=7.5)[0].combined(rows(), (1.0,))
    tamed = of(guidance_scale=7.5, guidance_rescale=0.7)[0].combined(rows(), (1.0,))
    assert float(tamed.std()) < 0.9 * float(plain.std())


def test_a_guess_is_blurred_where_the_network_looks_and_nowhere_else() -> None:
    guess, looks = rows()[:1], torch.zeros(1, 1, 16, 16)
    looks[..., 8:] = 2.0
    made = degraded(guess, looks, 1.0)
    assert torch.equal(made[..., :8], guess[..., :8])
    assert float(made[..., 10:].std()) < 0.6 * float(guess[..., 10:].std())
    flat = torch.full((1, 4, 16, 16), 3.0)
    assert torch.allclose(degraded(flat, looks + 2, 2.0), flat, atol=1e-5)
    assert degraded(guess[..., :2, :3], looks[..., :2, :3] + 2, 1.0).shape == (1, 4, 2, 3)
