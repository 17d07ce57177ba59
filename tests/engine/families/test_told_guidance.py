"""A latent consistency model draws what diffusers' own pipeline draws, as a folder and as a single file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
    LatentConsistencyModelPipeline,
)
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.engine.original import (
    CHANNELS,
    SCHEDULER,
    UNET_SD1,
    described,
    tiny_sd1,
    write_configs,
    write_original,
)
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.engine.noise import NoiseStream
from webui.engine.work import DecodeLatent, Predict
from webui.services.diffusers_folder import describe_folder
from webui.weights.ldm_unet import UNET

CPU = torch.device("cpu")
SIDE, STEPS, TOLD = 64, 4, 16


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random student; diffusers' converter knows no cond_proj, so the network is made in two steps."""
    folder = tmp_path_factory.mktemp("lcm")
    plain = write_original(folder / "plain.safetensors", tiny_sd1())
    configs = write_configs(folder / "configs", UNET_SD1, {})
    teacher: Any = StableDiffusionPipeline.from_single_file(
        plain.path, config=str(configs), local_files_only=True
    )
    student: Any = UNet2DConditionModel(**UNET_SD1, time_cond_proj_dim=TOLD)
    weights = teacher.unet.state_dict()
    generator = torch.Generator().manual_seed(2)
    weights["time_embedding.cond_proj.weight"] = torch.randn(CHANNELS, TOLD, generator=generator)
    student.load_state_dict(weights)
    made = LatentConsistencyModelPipeline(
        vae=teacher.vae, text_encoder=teacher.text_encoder, tokenizer=teacher.tokenizer,
        unet=student.eval(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        scheduler=LCMScheduler(**{k: v for k, v in SCHEDULER.items() if k[0] != "_"}, clip_sample=False),
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)
    return made


def in_folder(pipeline: Any, path: Path) -> CheckpointInfo:
    pipeline.save_pretrained(path)
    return describe_folder(path, ModelId("lcm"))


def in_file(pipeline: Any, path: Path) -> CheckpointInfo:
    write_original(path / "plain.safetensors", tiny_sd1())
    weights = load_file(path / "plain.safetensors")
    name = "time_embed.cond_proj.weight"
    weights[UNET + name] = pipeline.unet.time_embedding.cond_proj.weight.detach()
    save_file(weights, path / "lcm.safetensors")
    return described(path / "lcm.safetensors")


def drawn(checkpoint: CheckpointInfo, told: float) -> tuple[Tensor, Tensor]:
    """Our latent, and the latent that its network was shown first."""
    model = load_model(checkpoint, CPU)
    rig = Rig(model)
    rig.finish(
        order(
            checkpoint, prompt="a house by the sea", sampler="LCM", steps=STEPS,
            guidance_scale=1.0, distilled_guidance_scale=told, width=SIDE, height=SIDE,
        )
    )  # fmt: skip
    assert rig.ends() == {"job": "done"}, rig.error("job")
    (decoded,) = rig.works(DecodeLatent)
    return decoded.latent, rig.works(Predict)[0].x


@pytest.mark.parametrize("written", [in_folder, in_file])
def test_a_student_draws_as_diffusers_does_and_hears_its_guidance(
    pipeline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Any
) -> None:
    checkpoint = written(pipeline, tmp_path)
    latent, begin = drawn(checkpoint, 7.0)
    later = NoiseStream(7, begin.shape, CPU)
    later()  # the first draw is where the picture begins
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_lcm.randn_tensor", lambda *_, **__: later()
    )
    with torch.inference_mode():
        theirs = pipeline(
            "a house by the sea", guidance_scale=7.0, latents=begin, num_inference_steps=STEPS,
            width=SIDE, height=SIDE, output_type="latent",
        ).images  # fmt: skip
    assert (latent - theirs).abs().max() < 1e-4 * theirs.abs().max()
    other, _ = drawn(checkpoint, 2.0)
    assert (other - theirs).abs().max() > 1e-2 * theirs.abs().max()
    assert dict(checkpoint.defaults)["sampler"] == "LCM"
