from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tests.engine.rig import opened
from webui.engine.previews import fit_projection, preview

CPU = torch.device("cpu")


def test_a_linear_first_stage_is_fitted_exactly() -> None:
    weights = torch.tensor([[0.1, -0.05, 0.02], [0.0, 0.1, 0.1], [-0.1, 0.03, 0.0]])
    bias = torch.tensor([0.2, 0.0, -0.3])

    def decode(latents: Tensor) -> Tensor:
        rgb = torch.einsum("nchw,cr->nrhw", latents, weights) + bias[:, None, None]
        return functional.interpolate(rgb, scale_factor=8, mode="nearest")

    fitted = fit_projection(decode, 3, CPU)
    assert torch.allclose(fitted, torch.cat((weights, bias[None])), atol=1e-4)


def test_a_first_stage_that_overflows_gives_a_grey_preview_and_no_failure() -> None:
    fitted = fit_projection(lambda z: z[:, :3] * float("nan"), 4, CPU)
    assert opened(preview(torch.ones(1, 4, 8, 8), fitted, 8)).getpixel((3, 3)) == (127,) * 3


def test_a_preview_shows_the_colours_at_half_the_size() -> None:
    projection = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [-1.0, -1.0, -1.0]])
    latent = torch.zeros(1, 2, 8, 8)
    latent[:, 0, :, :4] = 2
    latent[:, 1, :, 4:] = 2
    image = opened(preview(latent, projection, 16))
    assert image.size == (64, 64)
    left, right = image.getpixel((8, 32)), image.getpixel((56, 32))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 200 > 60 > left[2]
    assert right[2] > 200 > 60 > right[0]


def test_a_preview_of_what_is_no_number_is_still_a_picture() -> None:
    latent = torch.full((1, 2, 8, 8), float("nan"))
    assert opened(preview(latent, torch.zeros(3, 3), 2)).size == (8, 8)
