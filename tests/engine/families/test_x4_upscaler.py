"""The x4 upscaler draws what diffusers' own pipeline draws, from a file and from a folder."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_upscale
from PIL import Image
from torch import Tensor

from tests.engine.library import save_picture
from tests.engine.original import (
    INDEX_X4,
    NOISE_X4,
    STAGE_X4,
    TEXT_SD2,
    UNET_X4,
    tiny_x4,
    write_configs,
    write_original,
)
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.programs.upscale import GRAIN_DRAW
from webui.engine.work import DecodeLatent, Predict
from webui.services.diffusers_folder import describe_folder

CPU = torch.device("cpu")
SAID: dict[str, Any] = {
    "prompt": "a house by the sea",
    "negative_prompt": "fog",
    "guidance_scale": 4.0,
}
STEPS = 3
SEED = 7


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    return write_original(tmp_path_factory.mktemp("file") / "x4.safetensors", tiny_x4())


@pytest.fixture(scope="module")
def theirs(checkpoint: CheckpointInfo, tmp_path_factory: pytest.TempPathFactory) -> Any:
    more: dict[str, Any] = {
        "low_res_scheduler/scheduler_config": {"_class_name": "DDPMScheduler", **NOISE_X4}
    }
    configs = write_configs(
        tmp_path_factory.mktemp("c"), UNET_X4, TEXT_SD2, pad_token="!", vae=STAGE_X4,
        scheduler={**NOISE_X4, "prediction_type": "v_prediction"}, index=INDEX_X4, **more,
    )  # fmt: skip
    # Any: diffusers' pipelines are untyped.
    kind: Any = pipeline_stable_diffusion_upscale.StableDiffusionUpscalePipeline
    made = kind.from_single_file(checkpoint.path, config=str(configs), local_files_only=True)
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module")
def folder(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    path = tmp_path_factory.mktemp("folder") / "x4"
    theirs.save_pretrained(path)
    return describe_folder(path, ModelId("x4"))


@pytest.fixture(scope="module")
def model(checkpoint: CheckpointInfo) -> LoadedModel:
    return load_model(checkpoint, CPU)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "small.png", 16, 12)


def check(
    model: LoadedModel, theirs: Any, image: Path, level: int, patch: pytest.MonkeyPatch
) -> None:
    """Their latent and ours agree to 1e-4, and so does what both first stages make of it."""
    rig = Rig(model)
    rig.finish(
        order(
            model.checkpoint, files={"image": image}, steps=STEPS, sampler="Euler",
            schedule="Uniform", seed=SEED, noise_augmentation=level / 1000, **SAID,
        )
    )  # fmt: skip
    assert set(rig.ends().values()) == {"done"}, rig.error("job")
    assert rig.pictures("job")[0].shape == (48, 64, 3)
    first, (decoded,) = rig.works(Predict)[0], rig.works(DecodeLatent)
    assert first.label == level
    begin = first.x[:1, :4] * math.hypot(model.levels.sigma(first.t), 1)
    theirs.scheduler.set_timesteps(STEPS)

    def grain(shape: Sequence[int], **_: Any) -> Tensor:
        return NoiseStream(SEED, tuple(shape), CPU, first_draw=GRAIN_DRAW)()

    patch.setattr(pipeline_stable_diffusion_upscale, "randn_tensor", grain)
    with torch.inference_mode(), Image.open(image) as small:
        expected = theirs(
            **SAID, image=small, num_inference_steps=STEPS, noise_level=level, output_type="latent",
            latents=begin / float(theirs.scheduler.init_noise_sigma),
        ).images  # fmt: skip
        latent = decoded.latent
        assert latent.abs().max() > 0.1
        assert (latent - expected).abs().max() < 1e-4 * latent.abs().max()
        ours = model.vae.decode(latent / model.latent_scale, return_dict=False)[0]
        decoding = theirs.vae.decode(latent / theirs.vae.config.scaling_factor, return_dict=False)
    assert (ours - decoding[0]).abs().max() < 1e-4 * ours.abs().max()


@pytest.mark.parametrize("level", [0, 20, 350])
def test_a_file_draws_what_diffusers_draws(
    model: LoadedModel, theirs: Any, image: Path, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(model, theirs, image, level, monkeypatch)


def test_a_folder_draws_what_diffusers_draws(
    folder: CheckpointInfo, theirs: Any, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (folder.family, folder.task, folder.prediction) == ("sd1", "upscale", "v_prediction")
    assert (folder.latent_factor, folder.defaults) == (4, (("noise_augmentation", 0.02),))
    check(load_model(folder, CPU), theirs, image, 58, monkeypatch)


def test_a_folder_of_the_usual_scale_has_the_upscalers(
    folder: CheckpointInfo, tmp_path: Path
) -> None:
    shutil.copytree(folder.path, tmp_path / "x4")
    config = tmp_path / "x4" / "vae" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"scaling_factor": 0.18215}))
    old = describe_folder(tmp_path / "x4", ModelId("old"))
    assert load_model(old, CPU).latent_scale == 0.08333


def test_more_noise_than_it_was_taught_is_refused(model: LoadedModel, image: Path) -> None:
    rig = Rig(model)
    files = {"image": image}
    rig.finish(order(model.checkpoint, files=files, steps=1, noise_augmentation=0.36))
    assert "noise_augmentation is 0.36" in rig.error("job")
    assert "0 to 0.35 was expected" in rig.error("job")


def test_a_folder_whose_most_noise_is_beyond_its_levels_is_a_broken_model(
    folder: CheckpointInfo, tmp_path: Path
) -> None:
    shutil.copytree(folder.path, tmp_path / "x4")
    index = tmp_path / "x4" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"max_noise_level": 1000}))
    with pytest.raises(BrokenModel, match="max_noise_level is 1000"):
        load_model(describe_folder(tmp_path / "x4", ModelId("x4")), CPU)


def test_a_file_of_other_input_channels_is_a_broken_model(checkpoint: CheckpointInfo) -> None:
    with pytest.raises(BrokenModel, match="takes 7 channels; for the task 'depth'"):
        load_model(replace(checkpoint, task="depth"), CPU)
