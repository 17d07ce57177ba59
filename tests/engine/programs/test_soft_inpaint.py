"""A mask with degrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.drive import at_once, drive, no_work
from tests.engine.library import Library, save_grey, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.checkpoint import Task
from webui.contracts.request import GenerationRequest
from webui.engine.programs import PictureOrder
from webui.engine.programs.inpaint import _repair
from webui.engine.programs.soft_inpaint import Softness, mixed, overlay, soft_cells, softly_held


def latents() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    old, new = (torch.randn(1, 4, 8, 8, generator=generator) for _ in range(2))
    return old, new


def steps_of_grey() -> Tensor:
    return torch.linspace(0, 1, 8).expand(1, 1, 8, 8)


def guess_at(sigma: float, softness: Softness) -> Tensor:
    old, new = latents()
    held = softly_held(at_once(lambda _x, _s: new), old, steps_of_grey(), softness)
    return drive(held(new, sigma), no_work)


def test_unmasked_cells_are_the_originals_to_the_bit_and_masked_ones_are_new() -> None:
    old, new = latents()
    made = guess_at(3.0, Softness())
    assert torch.equal(made[..., 0], old[..., 0])
    assert torch.allclose(made[..., -1], new[..., -1], atol=1e-4)


def test_half_masked_cells_follow_the_original_at_high_noise_and_the_prompt_at_low() -> None:
    old, _ = latents()
    apart = [float((guess_at(sigma, Softness()) - old).norm()) for sigma in (10.0, 1.0, 0.1)]
    assert apart[0] < apart[1] < apart[2]


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (Softness(preservation=2.0), Softness(preservation=0.2)),
        (Softness(bias=2.0), Softness(bias=0.5)),  # at a noise above 1
    ],
)
def test_its_settings_say_how_much_is_kept(less: Softness, more: Softness) -> None:
    old, _ = latents()
    assert (guess_at(3.0, less) - old).norm() < (guess_at(3.0, more) - old).norm()


def test_mixing_keeps_the_length_that_a_straight_mean_loses() -> None:
    old, new = latents()
    half = torch.full((1, 1, 8, 8), 0.5)
    length = mixed(old, new, half, 2.0).double().norm(dim=1) ** 2
    expected = (old.double().norm(dim=1) ** 2 + new.double().norm(dim=1) ** 2) / 2
    assert torch.allclose(length, expected, rtol=1e-3)
    assert mixed(old, new, half, 8.0).norm() > mixed(old, new, half, 1.0).norm()


def test_what_has_changed_under_the_mask_is_laid_over_and_nothing_else() -> None:
    old, _ = latents()
    changed = old.clone()
    changed[..., :, 4:] += 3.0
    laid = overlay(old, changed, torch.ones(1, 1, 8, 8), Softness(), (64, 64))
    assert laid.shape == (64, 64)
    assert laid[:, :4].max() == 0
    assert laid[:, -8:].min() > 240
    cells = torch.ones(1, 1, 8, 8)
    cells[..., 4:] = 0
    assert overlay(old, changed, cells, Softness(), (64, 64))[:, 37:].max() == 0


def test_a_higher_threshold_lays_less_over() -> None:
    old, _ = latents()
    sums = [
        int(overlay(old, old + 0.3, torch.ones(1, 1, 8, 8), Softness(threshold=t), (64, 64)).sum())
        for t in (0.2, 0.6, 2.0)
    ]
    assert sums[0] > sums[1] > sums[2]


def test_cells_take_their_share_of_a_blurred_mask() -> None:
    mask = np.zeros((16, 16), np.uint8)
    mask[:, 4:] = 255
    assert soft_cells(mask, 2, 2)[0, 0].tolist() == [[0.5, 1.0], [0.5, 1.0]]


def test_a_request_says_its_settings() -> None:
    plain = GenerationRequest(prompt="")
    assert Softness.of(plain) is None
    soft = plain.model_copy(update={"soft_inpainting": True, "soft_preservation": 3.0})
    assert Softness.of(soft) == Softness(preservation=3.0)


@pytest.mark.parametrize("task", ["text", "inpaint"])
@pytest.mark.parametrize("area", ["Whole picture", "Only masked"])
def test_a_picture_far_from_the_mask_stays_to_the_bit(
    library: Library, tmp_path: Path, task: Task, area: str
) -> None:
    image, values = save_picture(tmp_path / "image.png"), np.zeros((32, 32), np.uint8)
    values[20:30, 20:30] = 255
    files = {"image": image, "mask": save_grey(tmp_path / "mask.png", values)}
    model = library.model(task)
    rig = Rig(model)
    soft: dict[str, Any] = {"mask_blur": 2, "inpaint_area": area, "masked_padding": 4}
    rig.finish(
        order(model.checkpoint, "soft", files=files, soft_inpainting=True, **soft),
        order(model.checkpoint, "hard", files=files, **soft),
        order(model.checkpoint, "none", files=files, soft_inpainting=True, denoising_strength=0.0),
    )
    soft_made, hard, none = (rig.pictures(n)[0].astype(int) for n in ("soft", "hard", "none"))
    assert (soft_made[:12, :12] == none[:12, :12]).all()
    assert (soft_made != hard).any()
    assert (soft_made != none).any()


def test_a_mask_narrower_than_its_blur_keeps_its_strength(tmp_path: Path) -> None:
    """Elsewhere a wide blur leaves so little of a small mask that nothing happens, and nothing says why."""
    image, values = save_picture(tmp_path / "image.png"), np.zeros((32, 32), np.uint8)
    values[14:18, 14:18] = 255
    mask = save_grey(tmp_path / "mask.png", values)
    asked = {"image": image_id(image), "mask": image_id(mask), "mask_blur": 8}
    files = {image_id(path): path for path in (image, mask)}
    strength = {}
    for soft in (False, True):
        request = GenerationRequest.model_validate({"prompt": "", "soft_inpainting": soft, **asked})
        strength[soft] = int(_repair(PictureOrder(request, 0, files), 32, 32).soft.max())
    assert strength[False] < 20
    assert strength[True] == 255
