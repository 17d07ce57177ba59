"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path
from types import SimpleNamespace

import torch

from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

worker = load_module(read_manifest(Path(__file__).resolve().parents[1]), "worker")
X, VELOCITY = torch.randn(2, 1, 4, 6, 5, generator=torch.Generator().manual_seed(3))


def told(prompt: torch.Tensor, negative: torch.Tensor, sigma: float, step: int = 5, steps: int = 20, scale: float = 3.0):
    """What the method makes of velocities, as a velocity."""
    guesses = SimpleNamespace(
        prompt=(X - prompt * sigma) / (1 + sigma),
        negative=(X - negative * sigma) / (1 + sigma),
        x=X,
        scale=scale,
        moment=SimpleNamespace(sigma=sigma, step=step, steps=steps),
    )
    return worker.velocity(X, worker.zero_star(guesses), sigma)


def test_a_negative_velocity_of_another_length_changes_nothing() -> None:
    """Its best length is the prompt's own, whatever the scale; plain guidance would run away."""
    made = told(VELOCITY, VELOCITY * 0.5, 2.0)
    assert torch.allclose(made, VELOCITY, atol=1e-4)


def test_what_is_across_the_negative_velocity_is_scaled() -> None:
    prompt, negative = torch.zeros(2, 1, 4, 6, 5)
    prompt[0, 0, 0, 0], prompt[0, 1, 0, 0], negative[0, 0, 0, 0] = 1.0, 2.0, 4.0
    made = told(prompt, negative, 2.0)
    assert torch.allclose(made[0, :2, 0, 0], torch.tensor([1.0, 6.0]), atol=1e-4)


def test_the_first_steps_of_pure_noise_go_nowhere() -> None:
    assert told(VELOCITY, -VELOCITY, 50.0, step=1).abs().max() < 1e-5
    assert told(VELOCITY, -VELOCITY, 50.0, step=2).abs().max() > 0.1
    assert told(VELOCITY, -VELOCITY, 50.0, step=1, steps=8).abs().max() > 0.1
    assert told(VELOCITY, -VELOCITY, 2.0, step=1).abs().max() > 0.1
