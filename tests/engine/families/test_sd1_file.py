"""Single files of Stable Diffusion draw what diffusers' own pipelines draw from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from torch import Tensor

from tests.engine.original import (
    TEXT_SD2,
    UNET_SD1,
    UNET_SD2,
    tiny_sd1,
    tiny_sd2,
    write_configs,
    write_original,
)
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.work import DecodeLatent, Predict

CPU = torch.device("cpu")
SAID = {"prompt": "a house by the sea", "negative_prompt": "fog", "guidance_scale": 4.0}
STEPS = 3


def drawn(model: LoadedModel, **fields: Any) -> tuple[Tensor, Tensor, list[float]]:
    """Latent of our picture, the noise that it began with, and its noise levels."""
    rig = Rig(model)
    values = {"width": 64, "height": 64, "steps": STEPS, "sampler": "Euler", "schedule": "Uniform"}
    rig.finish(order(model.checkpoint, **{**values, **SAID, **fields}))
    assert set(rig.ends().values()) == {"done"}, rig.error("job")
    (decoded,) = rig.works(DecodeLatent)
    asked = rig.works(Predict)
    sigmas = [model.levels.sigma(work.t) for work in asked]
    begin = asked[0].x[:1, :4] * math.hypot(sigmas[0], 1)
    return decoded.latent, begin, sigmas


# Any: diffusers' pipelines are untyped.
def pipeline(kind: Any, checkpoint: CheckpointInfo, configs: Path) -> Any:
    made = kind.from_single_file(checkpoint.path, config=str(configs), local_files_only=True)
    made.set_progress_bar_config(disable=True)
    return made


def check(model: LoadedModel, theirs: Any, **fields: Any) -> None:
    """Their latent and ours, and what both first stages make of it, agree to 1e-4."""
    latent, begin, sigmas = drawn(model)
    theirs.scheduler.set_timesteps(STEPS)
    first = float(theirs.scheduler.init_noise_sigma)
    with torch.inference_mode():
        expected = theirs(
            **SAID, **fields, width=64, height=64, latents=begin / first, output_type="latent",
            **({} if sigmas is None else {"num_inference_steps": STEPS}),
        ).images  # fmt: skip
        assert latent.abs().max() > 0.1
        assert (latent - expected).abs().max() < 1e-4 * latent.abs().max()
        ours = model.vae.decode(latent / model.latent_scale, return_dict=False)[0]
        decoded = theirs.vae.decode(latent / theirs.vae.config.scaling_factor, return_dict=False)[0]
    assert (ours - decoded).abs().max() < 1e-4


@pytest.mark.parametrize("ending", ["safetensors", "ckpt"])
def test_stable_diffusion_1_draws_what_diffusers_draws(tmp_path: Path, ending: str) -> None:
    checkpoint = write_original(tmp_path / f"v1.{ending}", tiny_sd1())
    theirs = pipeline(
        StableDiffusionPipeline, checkpoint, write_configs(tmp_path / "c", UNET_SD1, {})
    )
    check(load_model(checkpoint, CPU), theirs)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_stable_diffusion_2_draws_what_diffusers_draws(tmp_path: Path, prediction: str) -> None:
    (tmp_path / "v2.json").write_text(f'{{"prediction": "{prediction}"}}')
    checkpoint = write_original(tmp_path / "v2.safetensors", tiny_sd2())
    told = {"scheduler": {"prediction_type": prediction}, "pad_token": "!"}
    configs = write_configs(tmp_path / "c", UNET_SD2, TEXT_SD2, **told)
    check(load_model(checkpoint, CPU), pipeline(StableDiffusionPipeline, checkpoint, configs))
