"""Stable Diffusion 3 and FLUX redraw what a mask covers as diffusers' own pipelines do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.flux import pipeline_flux_inpaint as flux_inpaint
from diffusers.pipelines.stable_diffusion_3 import (
    pipeline_stable_diffusion_3_inpaint as sd3_inpaint,
)
from PIL import Image

from tests.engine.families.test_flow_families import (
    NEGATIVE,
    SIDE,
    STEPS,
    assert_close,
    drawn,
    expected,
    noise,
    packed,
    pair,
)
from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3
from tests.engine.library import save_picture


@pytest.mark.parametrize("strength", [0.5, 0.75])
@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_a_mended_picture_is_that_of_diffusers(
    family: str, strength: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_sd3 = family == "sd3"
    # Diffusers holds a picture of sixteen channels alone to what it was.
    model, pipeline = pair(tmp_path / family, tiny_sd3(channels=16) if is_sd3 else tiny_flux())
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, *_, **__: self.mode())
    for module in (sd3_inpaint, flux_inpaint):
        monkeypatch.setattr(module, "randn_tensor", lambda *_, **__: noise(model))
    kind: Any = (
        sd3_inpaint.StableDiffusion3InpaintPipeline if is_sd3 else flux_inpaint.FluxInpaintPipeline
    )
    parts = {name: part for name, part in pipeline.components.items() if part is not None}
    again = kind(**parts)
    again.set_progress_bar_config(disable=True)
    file, covered = save_picture(tmp_path / "start.png", SIDE, SIDE), tmp_path / "mask.png"
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (0, 0, SIDE // 2, SIDE // 2 + 16))
    mask.save(covered)
    scale = 4.5 if is_sd3 else 3.5
    theirs = expected(
        again, image=Image.open(file), mask_image=mask, guidance_scale=scale,
        strength=strength + 1 / STEPS,  # we count steps as AUTOMATIC1111 does: one more
        **({"negative_prompt": NEGATIVE} if is_sd3 else {}),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "denoising_strength": strength, "guidance_scale": scale if is_sd3 else 1.0,
        "distilled_guidance_scale": 3.5,
    }  # fmt: skip
    ours = drawn(model, files={"image": file, "mask": covered}, mask_blur=0, **fields)
    assert_close(ours if is_sd3 else packed(ours), theirs)
    free = drawn(model, files={"image": file}, **fields)
    assert not torch.allclose(ours, free, atol=1e-2)
