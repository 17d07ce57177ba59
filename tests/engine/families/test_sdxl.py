"""Tiny SDXL models, drawn through the engine, are those that diffusers' own pipelines draw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.pipelines.controlnet.pipeline_controlnet_sd_xl import (
    StableDiffusionXLControlNetPipeline,
)
from diffusers.pipelines.stable_diffusion_xl import pipeline_stable_diffusion_xl_img2img as img2img
from diffusers.pipelines.stable_diffusion_xl import pipeline_stable_diffusion_xl_inpaint as inpaint
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint import (
    StableDiffusionXLInpaintPipeline,
)
from diffusers.schedulers.scheduling_utils import AysSchedules
from PIL import Image
from torch import Tensor

from tests.engine.families.tiny_xl import FIRST, SECOND, XlSizes, write_tiny_xl
from tests.engine.library import save_grey, save_picture
from tests.engine.rig import Rig, crowd_as_alone, image_id, order
from tests.engine.tiny import write_tiny_control
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, JobFailed
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import TEXT_2
from webui.engine.adapters.dialects.low_rank import LowRank
from webui.engine.adapters.embedding import LoadedEmbedding
from webui.engine.adapters.lora import LoadedLora
from webui.engine.encoding import encode_texts
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.reading import Reading
from webui.engine.schedules import SCHEDULES
from webui.engine.work import DecodeLatent, EncodeText, Predict
from webui.services.tokenizers import Tokenizers

CPU = torch.device("cpu")
PROMPT, NEGATIVE = "a red house", "grey"
SIDE = 64
STEPS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("xl")


@pytest.fixture(scope="module")
def base(folder: Path) -> CheckpointInfo:
    return write_tiny_xl(folder / "base")


@pytest.fixture(scope="module")
def model(base: CheckpointInfo) -> LoadedModel:
    return load_model(base, CPU)


@pytest.fixture(scope="module")
def pipeline(base: CheckpointInfo) -> Any:
    return loaded(StableDiffusionXLPipeline, base)


def noise(model: LoadedModel, seed: int = 7) -> Tensor:
    """The first draw of a picture."""
    return NoiseStream(seed, model.latent_shape(SIDE, SIDE), CPU)()


def drawn(model: LoadedModel, *others: LoadedModel, **fields: Any) -> Tensor:
    """The latent that the engine draws and decodes last."""
    rig = Rig(model, *others)
    fields = {
        "negative_prompt": NEGATIVE, "sampler": "Euler", "schedule": "Uniform", "steps": STEPS,
        "guidance_scale": 5.0, "width": SIDE, "height": SIDE, "prompt": PROMPT, **fields,
    }  # fmt: skip
    command = order(model.checkpoint, **fields)
    command = replace(command, others=tuple(other.checkpoint for other in others))
    rig.finish(command)
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.works(DecodeLatent)[-1].latent


def loaded(kind: Any, checkpoint: CheckpointInfo, **options: Any) -> Any:
    pipeline = kind.from_pretrained(checkpoint.path, local_files_only=True, **options)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    # Untrained networks let latents grow far beyond unit variance.
    assert float((ours - theirs).abs().max()) < 1e-4 * max(1.0, float(theirs.std()))


def expected(pipeline: Any, **options: Any) -> Tensor:
    """The latent that a pipeline of diffusers draws."""
    usual = {
        "prompt": PROMPT, "negative_prompt": NEGATIVE, "num_inference_steps": STEPS,
        "guidance_scale": 5.0, "width": SIDE, "height": SIDE, "output_type": "latent",
    }  # fmt: skip
    latent: Tensor = pipeline(**{**usual, **options}).images
    return latent


@pytest.mark.parametrize("negative", [NEGATIVE, None])
def test_a_picture_is_that_of_diffusers(
    model: LoadedModel, pipeline: Any, negative: str | None
) -> None:
    theirs = expected(pipeline, latents=noise(model), negative_prompt=negative)
    assert_close(drawn(model, negative_prompt=negative or ""), theirs)


def test_the_levels_of_align_your_steps_are_those_of_sdxl(model: LoadedModel) -> None:
    made = SCHEDULES["Align Your Steps"](model.levels, 11)
    theirs = AysSchedules["StableDiffusionXLSigmas"]
    assert made[:10] == pytest.approx(theirs[:10], rel=1e-4)


def test_sizes_are_told_to_the_network(model: LoadedModel, pipeline: Any) -> None:
    theirs = expected(
        pipeline,
        latents=noise(model),
        original_size=(300, 500),
        target_size=(400, 600),
        crops_coords_top_left=(8, 16),
        negative_original_size=(300, 500),
        negative_target_size=(400, 600),
        negative_crops_coords_top_left=(8, 16),
    )
    sizes = {
        "original_width": 500, "original_height": 300, "target_width": 600, "target_height": 400,
        "crop_left": 16, "crop_top": 8,
    }  # fmt: skip
    assert_close(drawn(model, **sizes), theirs)
    assert not torch.allclose(drawn(model), theirs, atol=1e-3)


def test_a_network_of_fewer_layers_is_drawn_as_diffusers_draws_it(folder: Path) -> None:
    info = write_tiny_xl(folder / "pruned", XlSizes(depth=(0, 1)), seed=3)
    pruned = load_model(info, CPU)
    pipeline = loaded(StableDiffusionXLPipeline, info)
    assert_close(drawn(pruned), expected(pipeline, latents=noise(pruned)))


def test_a_consistency_model_is_told_its_guidance(folder: Path) -> None:
    info = write_tiny_xl(folder / "lcm", XlSizes(told_guidance=True), seed=4)
    student = load_model(info, CPU)
    theirs = expected(
        loaded(StableDiffusionXLPipeline, info), latents=noise(student), guidance_scale=6.0
    )
    ours = drawn(student, guidance_scale=1.0, distilled_guidance_scale=6.0)
    assert_close(ours, theirs)
    other = drawn(student, guidance_scale=1.0, distilled_guidance_scale=2.0)
    assert not torch.allclose(other, theirs, atol=1e-4)


def test_the_refiner_finishes_what_the_base_began(
    model: LoadedModel, pipeline: Any, folder: Path
) -> None:
    info = write_tiny_xl(folder / "refiner", XlSizes(refiner=True), seed=5)
    refiner = load_model(info, CPU)
    begun = expected(pipeline, latents=noise(model), denoising_end=0.5)
    finish = loaded(StableDiffusionXLImg2ImgPipeline, info)
    theirs = expected(
        finish,
        image=begun,
        denoising_start=0.5,
        original_size=(SIDE, SIDE),
        target_size=(SIDE, SIDE),
        aesthetic_score=6.5,
        negative_aesthetic_score=3.0,
        width=None,
        height=None,
    )
    ours = drawn(
        model, refiner, refiner=info.id, refiner_switch_at=0.5,
        aesthetic_score=6.5, negative_aesthetic_score=3.0,
    )  # fmt: skip
    assert_close(ours, theirs)


@pytest.fixture
def surely(monkeypatch: pytest.MonkeyPatch, model: LoadedModel) -> None:
    """diffusers draws its noise as we do, and encodes pictures to the most likely latent."""
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, *_, **__: self.mode())
    for module in (img2img, inpaint):
        monkeypatch.setattr(module, "randn_tensor", lambda *_, **__: noise(model))


@pytest.mark.usefixtures("surely")
def test_a_picture_from_a_picture_is_that_of_diffusers(
    model: LoadedModel, base: CheckpointInfo, tmp_path: Path
) -> None:
    file = save_picture(tmp_path / "start.png", SIDE, SIDE)
    theirs = expected(
        loaded(StableDiffusionXLImg2ImgPipeline, base),
        image=Image.open(file),
        strength=0.5 + 1 / STEPS,  # we count steps as AUTOMATIC1111 does: one more
        width=None,
        height=None,
    )
    assert_close(drawn(model, files={"image": file}, denoising_strength=0.5), theirs)


@pytest.mark.usefixtures("surely")
@pytest.mark.parametrize(("channels", "strength"), [(4, 0.5), (9, 0.5), (9, 1.0)])
def test_a_mended_picture_is_that_of_diffusers(
    folder: Path, tmp_path: Path, channels: int, strength: float
) -> None:
    info = write_tiny_xl(folder / f"{channels}-{strength}", XlSizes(in_channels=channels), seed=6)
    assert info.task == ("inpaint" if channels == 9 else "text")
    mender = load_model(info, CPU)
    values = np.zeros((SIDE, SIDE), np.uint8)
    values[16:48, 8:40] = 255
    files = {
        "image": save_picture(tmp_path / "start.png", SIDE, SIDE),
        "mask": save_grey(tmp_path / "mask.png", values),
    }
    theirs = expected(
        loaded(StableDiffusionXLInpaintPipeline, info),
        image=Image.open(files["image"]),
        mask_image=Image.open(files["mask"]),
        strength=min(strength + 1 / STEPS, 1),
        latents=noise(mender) if strength == 1 else None,
    )
    ours = drawn(mender, files=files, denoising_strength=strength, mask_blur=0)
    inside = torch.zeros(SIDE // 4, SIDE // 4, dtype=torch.bool)
    inside[4:12, 2:10] = True
    assert_close(ours[..., inside], theirs[..., inside])


def test_a_controlnet_of_sdxl_steers_as_in_diffusers(
    model: LoadedModel, base: CheckpointInfo, tmp_path: Path
) -> None:
    info = write_tiny_control(tmp_path / "control", base)
    file = save_picture(tmp_path / "hint.png", SIDE, SIDE)
    net = ControlNetModel.from_pretrained(info.path, torch_dtype=torch.float32)
    pipeline = loaded(StableDiffusionXLControlNetPipeline, base, controlnet=net)
    theirs = expected(
        pipeline, latents=noise(model), image=Image.open(file), controlnet_conditioning_scale=0.7
    )
    use = {"adapter": info.id, "image": image_id(file), "weight": 0.7}
    ours = drawn(model, files={"hint": file}, adapters=(info,), controls=[use])
    assert_close(ours, theirs)
    assert not torch.allclose(ours, drawn(model), atol=1e-3)


def test_pictures_of_other_sizes_and_words_share_a_pass(model: LoadedModel) -> None:
    # Any: fields of a request.
    usual: dict[str, Any] = {"sampler": "Euler", "width": SIDE, "height": SIDE}
    first = order(model.checkpoint, "first", prompt="a lake", original_width=200, **usual)
    second = order(model.checkpoint, "second", prompt="a hill", seed=9, crop_top=8, **usual)
    crowd = crowd_as_alone(model, first, second)
    assert max(crowd.predicted_rows()) == 4


def test_a_long_prompt_is_read_in_chunks_by_both_encoders(model: LoadedModel) -> None:
    (long,) = encode_texts([EncodeText(model, "a lake BREAK " + "hill " * 20)])
    parts = encode_texts([EncodeText(model, text) for text in ("a lake", "hill " * 20)])
    first = parts[0]
    assert long.tokens.shape[2] == FIRST + SECOND
    assert long.chunks == 1 + parts[1].chunks
    assert torch.allclose(long.tokens[:1], first.tokens, atol=1e-5)
    assert torch.allclose(long.tokens[1:], parts[1].tokens, atol=1e-5)
    assert long.pooled is not None
    assert first.pooled is not None
    assert torch.allclose(long.pooled, first.pooled, atol=1e-5)


def test_emphasis_keeps_the_mean_of_each_encoder_by_itself(model: LoadedModel) -> None:
    works = [EncodeText(model, text) for text in ("a cat", "a (cat:1.5)")]
    plain, weighed = (made.tokens for made in encode_texts(works))
    for part in (slice(0, FIRST), slice(FIRST, None)):
        assert float(weighed[..., part].mean()) == pytest.approx(
            float(plain[..., part].mean()), rel=1e-3
        )
    assert not torch.allclose(plain, weighed, atol=1e-3)


@pytest.mark.parametrize(("skip", "layer"), [(1, -2), (2, -2), (3, -3)])
def test_clip_skip_counts_from_the_last_layer_of_both_encoders(
    model: LoadedModel, pipeline: Any, skip: int, layer: int
) -> None:
    (made,) = encode_texts([EncodeText(model, "a cat", reading=Reading(clip_skip=skip))])
    theirs, *_ = pipeline.encode_prompt("a cat", clip_skip=-layer - 2)
    assert torch.allclose(made.tokens, theirs, atol=1e-5)


def test_an_embedding_has_vectors_for_each_encoder(model: LoadedModel) -> None:
    info = AdapterInfo(AdapterId("cloud"), "embedding", "cloud", "/cloud", 1, vectors=2)
    vectors = torch.ones(2, FIRST), torch.ones(2, SECOND)
    cloud = LoadedEmbedding(info, vectors[0], 1, second=vectors[1])
    (made,) = encode_texts([EncodeText(model, "a cloud", reading=Reading(embeddings=(cloud,)))])
    (plain,) = encode_texts([EncodeText(model, "a cloud")])
    for part in (slice(0, FIRST), slice(FIRST, None)):
        assert not torch.allclose(made.tokens[..., part], plain.tokens[..., part], atol=1e-3)
    old = LoadedEmbedding(info, vectors[0], 1)
    with pytest.raises(JobFailed, match="made for another model"):
        encode_texts([EncodeText(model, "a cloud", reading=Reading(embeddings=(old,)))])


def test_a_lora_changes_the_second_encoder(model: LoadedModel) -> None:
    info = AdapterInfo(AdapterId("a"), "lora", "A", "/a", 1)
    place = (TEXT_2, "encoder_layers_0_self_attn_q_proj")
    down = torch.randn(1, SECOND, generator=torch.Generator().manual_seed(0))
    change = LowRank(down, torch.ones(SECOND, 1), 1.0)
    patches = ((LoadedLora(info, {place: change}, 1), 1.0),)
    (plain,) = encode_texts([EncodeText(model, "a cat")])
    (made,) = encode_texts([EncodeText(model, "a cat", patches)])
    assert torch.equal(made.tokens[..., :FIRST], plain.tokens[..., :FIRST])
    assert not torch.allclose(made.tokens[..., FIRST:], plain.tokens[..., FIRST:], atol=1e-4)
    (again,) = encode_texts([EncodeText(model, "a cat")])
    assert torch.equal(again.tokens, plain.tokens)


def test_a_unet_of_another_kind_is_a_broken_model(base: CheckpointInfo) -> None:
    with pytest.raises(BrokenModel, match="takes 4 channels; for the task 'inpaint'"):
        load_model(replace(base, task="inpaint"), CPU)


def test_a_second_pass_is_drawn_at_its_own_size(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, width=SIDE, height=SIDE, hires_scale=1.5, denoising_strength=0.5)
    )
    last = rig.works(Predict)[-1].sizes
    assert last is not None
    assert last[0].tolist() == [96, 96, 0, 0, 96, 96]


def test_the_studio_counts_the_words_of_a_refiner(folder: Path) -> None:
    info = write_tiny_xl(folder / "counted", XlSizes(refiner=True))
    ready = Tokenizers().of(info)
    assert ready is not None
    assert list(ready.tokenize("a cat")) == list(load_model(info, CPU).tokenize("a cat"))  # type: ignore[misc]
