"""Single files of Stable Diffusion draw what diffusers' own pipelines draw from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.stable_diffusion import (
    pipeline_stable_diffusion_depth2img as depth2img,
)
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import (
    StableDiffusionInpaintPipeline,
)
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_instruct_pix2pix import (
    StableDiffusionInstructPix2PixPipeline,
)
from PIL import Image
from torch import Tensor

from tests.engine.library import save_grey, save_picture
from tests.engine.original import (
    TEXT_SD2,
    UNET_SD1,
    UNET_SD2,
    random_weights,
    tiny_sd1,
    tiny_sd2,
    write_configs,
    write_original,
)
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.work import DecodeLatent, Predict

CPU = torch.device("cpu")
SAID = {"prompt": "a house by the sea", "negative_prompt": "fog", "guidance_scale": 4.0}
STEPS = 3


@dataclass(frozen=True)
class Given:
    """What our request says beyond a prompt."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


def drawn(model: LoadedModel, given: Given) -> tuple[Tensor, Tensor]:
    """Latent of our picture, and the noise that it began with."""
    rig = Rig(model)
    values = {"width": 64, "height": 64, "steps": STEPS, "sampler": "Euler", "schedule": "Uniform"}
    asked = order(model.checkpoint, files=given.files, **{**values, **SAID, **given.fields})
    rig.finish(asked)
    assert set(rig.ends().values()) == {"done"}, rig.error("job")
    (decoded,) = rig.works(DecodeLatent)
    first = rig.works(Predict)[0]
    sigma = model.levels.sigma(first.t)
    return decoded.latent, first.x[:1, :4] * math.hypot(sigma, 1)


# Any: diffusers' pipelines are untyped.
def pipeline(kind: Any, checkpoint: CheckpointInfo, configs: Path) -> Any:
    made = kind.from_single_file(checkpoint.path, config=str(configs), local_files_only=True)
    made.set_progress_bar_config(disable=True)
    return made


def check(
    model: LoadedModel, theirs: Any, given: Given = Given(), told: Mapping[str, Any] | None = None
) -> None:
    """Their latent and ours, and what both first stages make of it, agree to 1e-4."""
    latent, begin = drawn(model, given)
    theirs.scheduler.set_timesteps(STEPS)
    noise = begin / float(theirs.scheduler.init_noise_sigma)
    size = {} if told and "image" in told else {"width": 64, "height": 64}
    with torch.inference_mode():
        expected = theirs(
            **SAID, **size, **(told or {}), latents=noise, num_inference_steps=STEPS,
            output_type="latent",
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


def test_instruct_pix2pix_edits_as_diffusers_does(tmp_path: Path) -> None:
    checkpoint = write_original(tmp_path / "ip2p.safetensors", tiny_sd1(8))
    index = {"_class_name": "StableDiffusionInstructPix2PixPipeline", "image_encoder": [None, None]}
    configs = write_configs(tmp_path / "c", {**UNET_SD1, "in_channels": 8}, {}, index=index)
    theirs = pipeline(StableDiffusionInstructPix2PixPipeline, checkpoint, configs)
    image = save_picture(tmp_path / "image.png", 64, 64)
    check(
        load_model(checkpoint, CPU),
        theirs,
        Given({"image_guidance_scale": 1.8}, {"image": image}),
        {"image": Image.open(image), "image_guidance_scale": 1.8},
    )


def test_inpainting_draws_what_diffusers_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Theirs draws a sample of the first stage's distribution, ours takes the most likely.
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, _=None: self.mode())
    checkpoint = write_original(tmp_path / "inpainting.safetensors", tiny_sd1(9))
    assert checkpoint.task == "inpaint"
    index = {"_class_name": "StableDiffusionInpaintPipeline", "image_encoder": [None, None]}
    configs = write_configs(tmp_path / "c", {**UNET_SD1, "in_channels": 9}, {}, index=index)
    theirs = pipeline(StableDiffusionInpaintPipeline, checkpoint, configs)
    image = save_picture(tmp_path / "image.png", 64, 64)
    values = np.zeros((64, 64), np.uint8)
    values[16:48, 20:40] = 255
    mask = save_grey(tmp_path / "mask.png", values)
    given = Given({"denoising_strength": 1.0}, {"image": image, "mask": mask})
    told: dict[str, Any] = {
        "image": Image.open(image),
        "mask_image": Image.open(mask),
        "strength": 1.0,
    }
    told |= {"width": 64, "height": 64}
    check(load_model(checkpoint, CPU), theirs, given, told)


def test_depth_steers_as_in_diffusers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "depth.json").write_text('{"prediction": "epsilon"}')
    checkpoint = write_original(tmp_path / "depth.safetensors", tiny_sd2(5))
    assert checkpoint.task == "depth"
    model = load_model(checkpoint, CPU)
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, _=None: self.mode())
    noise = NoiseStream(7, model.latent_shape(64, 64), CPU)()
    monkeypatch.setattr(depth2img, "randn_tensor", lambda *_, **__: noise)
    told = {"scheduler": {"prediction_type": "epsilon"}, "pad_token": "!"}
    configs = write_configs(tmp_path / "c", {**UNET_SD2, "in_channels": 5}, TEXT_SD2, **told)
    plain = pipeline(StableDiffusionPipeline, checkpoint, configs)
    names = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")
    theirs: Any = depth2img.StableDiffusionDepth2ImgPipeline(
        **{n: getattr(plain, n) for n in names}, depth_estimator=None, feature_extractor=None
    )
    theirs.set_progress_bar_config(disable=True)
    image = save_picture(tmp_path / "image.png", 64, 64)
    cells = np.arange(256, dtype=np.uint8).reshape(16, 16)  # one depth for each cell of the latent
    depth = save_grey(tmp_path / "depth.png", cells.repeat(4, 0).repeat(4, 1))
    fields = {"denoising_strength": 0.5, "steps": 4}
    latent, _ = drawn(model, Given(fields, {"image": image, "depth_map": depth}))
    with torch.inference_mode():
        expected = theirs(
            **SAID, image=Image.open(image), depth_map=torch.from_numpy(cells)[None].float(),
            strength=0.75, num_inference_steps=4, output_type="latent",  # they count one step less
        ).images  # fmt: skip
    assert (latent - expected).abs().max() < 1e-4 * latent.abs().max()
    flat = save_grey(tmp_path / "flat.png", np.zeros((64, 64), np.uint8))
    other, _ = drawn(model, Given(fields, {"image": image, "depth_map": flat}))
    assert (latent - other).abs().max() > 1e-2


def test_weights_in_eight_bits_are_computed_with_in_the_usual_precision(tmp_path: Path) -> None:
    shapes = tiny_sd1()
    checkpoint = write_original(tmp_path / "small.safetensors", shapes, torch.float8_e4m3fn)
    assert checkpoint.dtype == "F8_E4M3"
    model = load_model(checkpoint, CPU)
    assert {p.dtype for p in model.unet.parameters()} == {torch.float32}
    name = "model.diffusion_model.middle_block.0.in_layers.2.weight"
    stored = random_weights(shapes)[name].to(torch.float8_e4m3fn).float()
    loaded = model.unet.state_dict()["mid_block.resnets.0.conv1.weight"]
    assert torch.equal(loaded, stored)


@pytest.mark.parametrize(
    ("lacking", "sentence"),
    [
        ("middle_block.1.proj_in.weight", "denoising network"),
        ("encoder.conv_in.bias", "first stage"),
    ],
)
def test_a_file_that_lacks_a_weight_is_a_broken_model(
    tmp_path: Path, lacking: str, sentence: str
) -> None:
    shapes = {name: shape for name, shape in tiny_sd1().items() if not name.endswith(lacking)}
    checkpoint = write_original(tmp_path / "lacking.safetensors", shapes)
    with pytest.raises(BrokenModel, match=sentence):
        load_model(checkpoint, CPU)
