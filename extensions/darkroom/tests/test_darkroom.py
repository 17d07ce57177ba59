"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from webui.contracts.access import Prompts
from webui.hooks.loading import load_arguments, load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
Darkroom = load_arguments(MANIFEST)
worker = load_module(MANIFEST, "worker")
ORDER = SimpleNamespace(seed=5)
FIRST, SECOND = SimpleNamespace(step=1), SimpleNamespace(step=2)
LATENT = torch.randn(1, 4, 16, 12, generator=torch.Generator().manual_seed(0))


def test_as_it_stands_it_leaves_everything_to_others() -> None:
    usual = Darkroom()
    assert worker.change_conditioning(None, ORDER, usual) is None
    assert worker.change_latent(LATENT, FIRST, ORDER, usual) is None
    assert worker.change_guidance(LATENT, torch.cat([LATENT, LATENT]), usual) is None
    assert worker.change_denoised(LATENT, usual) is None
    assert worker.change_sampled(LATENT, usual) is None
    assert worker.change_picture(np.zeros((2, 2, 3), np.uint8), ORDER, usual) is None


def test_extra_noise_comes_once_and_is_the_seeds_own() -> None:
    said = Darkroom(extra_noise=0.5)
    added = worker.change_latent(LATENT, FIRST, ORDER, said) - LATENT
    assert added.std() == pytest.approx(0.5, rel=0.1)
    assert torch.equal(added, worker.change_latent(LATENT, FIRST, ORDER, said) - LATENT)
    assert worker.change_latent(LATENT, SECOND, ORDER, said) is None


def test_both_shares_of_guidance_at_once_are_a_share_of_all_of_it() -> None:
    rows = torch.cat([LATENT, -LATENT])
    guided = LATENT * 3
    half = worker.change_guidance(guided, rows, Darkroom(coarse_guidance=0.5, fine_guidance=0.5))
    assert torch.allclose(half, LATENT * 2, atol=1e-5)
    flat = torch.full_like(LATENT, 2.0)  # has no small forms
    said = Darkroom(fine_guidance=3)
    assert torch.allclose(worker.change_guidance(flat, torch.zeros(2, 4, 16, 12), said), flat)


def test_centred_channels_have_no_mean_and_contrast_keeps_it() -> None:
    centred = worker.change_denoised(LATENT + 2, Darkroom(centre=1))
    assert centred.mean(dim=(-2, -1)).abs().max() < 1e-5
    spread = worker.change_sampled(LATENT, Darkroom(contrast=2))
    assert torch.allclose(spread.std(), LATENT.std() * 2, rtol=0.02)
    assert torch.allclose(spread.mean(dim=(-2, -1)), LATENT.mean(dim=(-2, -1)), atol=1e-6)


def test_grain_is_grey_and_spares_black_and_white() -> None:
    picture = np.zeros((32, 30, 3), np.uint8)
    picture[:, 10:20], picture[:, 20:] = 128, 255
    grained = worker.change_picture(picture, ORDER, Darkroom(grain=0.5)).astype(int)
    assert (grained[:, :10] == 0).all()
    assert (grained[:, 20:] == 255).all()
    assert grained[:, 10:20, 0].std() == pytest.approx(12, rel=0.2)
    assert (grained == grained[..., :1]).all()


def test_the_schedule_falls_from_end_to_end_and_slows_at_both() -> None:
    span = SimpleNamespace(ends=lambda levels: (10.0, 0.1))
    sigmas = worker.cosine(None, 9, span)
    assert (sigmas[0], sigmas[8], sigmas[9]) == (pytest.approx(10), pytest.approx(0.1), 0.0)
    falls = -np.diff(np.log(sigmas[:9]))
    assert falls.min() > 0
    assert falls[4] > falls[0] == pytest.approx(falls[-1])


def test_the_look_is_put_behind_the_prompt() -> None:
    studio = load_module(MANIFEST, "studio")
    assert studio.change_prompts(Prompts("a boat", ""), Darkroom(look="film")).prompt == "a boat, film"
    assert studio.change_prompts(Prompts("a boat", ""), Darkroom()) is None
