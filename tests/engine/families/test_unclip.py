"""Stable Diffusion 2.1's image variations draw what diffusers' own pipeline draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion import pipeline_stable_unclip_img2img
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import (
    StableUnCLIPImageNormalizer,
)
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from PIL import Image
from torch import Tensor
from transformers.models.clip.configuration_clip import CLIPVisionConfig
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.clip.modeling_clip import CLIPTextModel, CLIPVisionModelWithProjection

from tests.engine.library import save_picture
from tests.engine.original import (
    EYE_WIDTH,
    SAYS,
    TEXT_SD2,
    UNET_UNCLIP,
    tiny_unclip,
    write_configs,
    write_original,
)
from tests.engine.original_clip_vision import OriginalVision
from tests.engine.rig import Rig, order
from tests.engine.tiny import TinySizes, tiny_vae, tokenizer, write_tiny
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.packed.layers import PackedConv2d
from webui.engine.programs.upscale import GRAIN_DRAW
from webui.engine.weights import open_weights
from webui.engine.work import DecodeLatent, Predict, ReadPicture
from webui.services.diffusers_folder import describe_folder
from webui.weights.signatures.unclip import STATISTICS_FILE

CPU = torch.device("cpu")
SAID: dict[str, Any] = {"prompt": "a house by the sea", "negative_prompt": "fog"}
SEED, STEPS, WIDTH = 7, 3, 16


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Diffusers' pipeline of random weights."""
    base = Path(write_tiny(tmp_path_factory.mktemp("base") / "base").path)
    text: Any = CLIPTextModel.from_pretrained(base / "text_encoder")
    plain = UNet2DConditionModel.from_config(base / "unet")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        unet = UNet2DConditionModel.from_config(
            dict(plain.config), class_embed_type="projection",
            projection_class_embeddings_input_dim=2 * WIDTH,
        )  # fmt: skip
        eye = CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
                image_size=28, patch_size=14, projection_dim=WIDTH, hidden_act="gelu",
            )
        )  # fmt: skip
        normal = StableUnCLIPImageNormalizer(WIDTH)
        normal.mean.data.normal_()
        normal.std.data.uniform_(0.5, 2.0)
        vae: AutoencoderKL = tiny_vae(TinySizes())
    kind: Any = pipeline_stable_unclip_img2img.StableUnCLIPImg2ImgPipeline
    made = kind(
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=28),
        image_encoder=eye.train(False), image_normalizer=normal,
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=tokenizer(), text_encoder=text.float().eval(), unet=unet.eval(), vae=vae.eval(),
        scheduler=EulerDiscreteScheduler(
            beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
            prediction_type="v_prediction", timestep_spacing="linspace",
        ),
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module")
def checkpoint(theirs: Any, tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    folder = tmp_path_factory.mktemp("models") / "unclip"
    theirs.save_pretrained(folder)
    return describe_folder(folder, ModelId("unclip"))


@pytest.fixture(scope="module")
def model(checkpoint: CheckpointInfo) -> LoadedModel:
    return load_model(checkpoint, CPU)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "image.png", 48, 37)


def pipeline_of_file(
    checkpoint: CheckpointInfo, configs: Path, statistics: tuple[Tensor, Tensor] | None = None
) -> Any:
    """Diffusers' pipeline of a single file, with OpenCLIP's own image encoder, or OpenAI's by its statistics."""
    says = SAYS if statistics is None else len(statistics[0])
    normal = StableUnCLIPImageNormalizer(says)
    if statistics is not None:
        normal.mean.data, normal.std.data = (part[None] for part in statistics)
    base: Any = StableDiffusionPipeline.from_single_file(
        checkpoint.path, config=str(configs), local_files_only=True
    )
    eye = OriginalVision(EYE_WIDTH, 2, 16, says, 14, 28, quick=statistics is not None)
    eye.load_state_dict(open_weights(Path(checkpoint.path)).below("embedder.model.visual."))
    kind: Any = pipeline_stable_unclip_img2img.StableUnCLIPImg2ImgPipeline
    made = kind(
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=28),
        image_encoder=eye, image_normalizer=normal,
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=base.tokenizer, text_encoder=base.text_encoder, unet=base.unet, vae=base.vae,
        scheduler=base.scheduler,
    )  # fmt: skip
    made.set_progress_bar_config(disable=True)
    return made


def drawn(model: LoadedModel, image: Path, level: int, scale: float) -> Rig:
    rig = Rig(model)
    rig.finish(
        order(
            model.checkpoint, files={"image": image}, width=64, height=64, steps=STEPS, seed=SEED,
            sampler="Euler", schedule="Uniform", noise_augmentation=level / 1000,
            denoising_strength=0.1, guidance_scale=scale, **SAID,
        )
    )  # fmt: skip
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig


def test_a_folder_is_known_by_its_parts(checkpoint: CheckpointInfo) -> None:
    assert (checkpoint.family, checkpoint.task) == ("sd1", "variation")
    assert checkpoint.prediction == "v_prediction"


@dataclass(frozen=True)
class Asked:
    """What both are asked for."""

    image: Path
    level: int
    scale: float


def check(model: LoadedModel, theirs: Any, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their latent and ours agree to 1e-4."""
    image, level, scale = asked.image, asked.level, asked.scale
    rig = drawn(model, image, level, scale)
    works, (decoded,) = rig.works(Predict), rig.works(DecodeLatent)
    assert len(works) == STEPS
    begin = works[0].x[:1] * math.hypot(model.levels.sigma(works[0].t), 1)
    theirs.scheduler.set_timesteps(STEPS)

    def grain(shape: tuple[int, ...], **_: Any) -> Tensor:
        return NoiseStream(SEED, tuple(shape), CPU, first_draw=GRAIN_DRAW)()

    monkeypatch.setattr(pipeline_stable_unclip_img2img, "randn_tensor", grain)
    with torch.inference_mode(), Image.open(image) as picture:
        expected = theirs(
            image=picture.convert("RGB"), **SAID, guidance_scale=scale, noise_level=level,
            width=64, height=64, num_inference_steps=STEPS, output_type="latent",
            latents=begin,  # this pipeline scales only what it draws itself
        ).images  # fmt: skip
    latent = decoded.latent
    assert latent.abs().max() > 0.1
    assert (latent - expected).abs().max() < 1e-4 * latent.abs().max()


@pytest.mark.parametrize(("level", "scale"), [(0, 4.0), (300, 4.0), (999, 1.0)])
def test_it_draws_what_diffusers_draws(
    model: LoadedModel,
    theirs: Any,
    image: Path,
    level: int,
    scale: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check(model, theirs, Asked(image, level, scale), monkeypatch)


@pytest.mark.parametrize("level", [0, 300])
def test_a_single_file_draws_what_diffusers_draws(
    tmp_path: Path, image: Path, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_original(tmp_path / "sd21-unclip-h.ckpt", tiny_unclip())
    assert (checkpoint.task, checkpoint.variant) == ("variation", "unclip")
    told = {"scheduler": {"prediction_type": "v_prediction"}, "pad_token": "!"}
    configs = write_configs(tmp_path / "c", UNET_UNCLIP, TEXT_SD2, **told)
    theirs = pipeline_of_file(checkpoint, configs)
    check(load_model(checkpoint, CPU), theirs, Asked(image, level, 4.0), monkeypatch)


def test_a_single_file_for_the_smaller_clip_draws_by_the_statistics_beside_it(
    tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(1)
    mean, spread = torch.randn(768, generator=generator), torch.rand(768, generator=generator) + 0.5
    torch.save((mean, spread), tmp_path / STATISTICS_FILE)
    checkpoint = write_original(tmp_path / "sd21-unclip-l.safetensors", tiny_unclip(says=768))
    assert checkpoint.parts == (("image_normalizer", str(tmp_path / STATISTICS_FILE)),)
    told = {"scheduler": {"prediction_type": "v_prediction"}, "pad_token": "!"}
    network = UNET_UNCLIP | {"projection_class_embeddings_input_dim": 2 * 768}
    configs = write_configs(tmp_path / "c", network, TEXT_SD2, **told)
    theirs = pipeline_of_file(checkpoint, configs, (mean, spread))
    check(load_model(checkpoint, CPU), theirs, Asked(image, 300, 4.0), monkeypatch)


def test_where_half_precision_stays_it_draws_the_same(tmp_path: Path, image: Path) -> None:
    checkpoint = write_original(tmp_path / "a.safetensors", tiny_unclip(), torch.float16)
    whole, lean = load_model(checkpoint, CPU), load_model(checkpoint, CPU, lean=True)
    assert lean.variations is not None
    assert any(isinstance(m, PackedConv2d) for m in lean.variations.encoder.net.modules())
    first, second = (
        drawn(model, image, 0, 4.0).works(DecodeLatent)[0].latent for model in (whole, lean)
    )
    assert (first - second).abs().max() < 1e-3


def test_a_single_file_whose_image_encoder_lacks_weights_is_broken(tmp_path: Path) -> None:
    shapes = tiny_unclip()
    del shapes["embedder.model.visual.ln_post.bias"]
    checkpoint = write_original(tmp_path / "a.safetensors", shapes)
    with pytest.raises(BrokenModel, match="image encoder has other weights"):
        load_model(checkpoint, CPU)


def test_the_picture_is_followed(model: LoadedModel, image: Path, tmp_path: Path) -> None:
    other = save_picture(tmp_path / "other.png", 48, 37, seed=5)
    first, second = (drawn(model, path, 0, 4.0) for path in (image, other))
    told = [rig.works(Predict)[0].pooled for rig in (first, second)]
    assert told[0] is not None
    assert told[1] is not None
    assert not told[0][1].any()  # the negative prompt's
    assert (told[0][0] - told[1][0]).abs().max() > 1e-3
    assert len(first.works(ReadPicture)) == 1
    assert (first.pictures("job")[0] != second.pictures("job")[0]).any()
