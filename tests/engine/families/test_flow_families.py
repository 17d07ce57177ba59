"""Tiny Stable Diffusion 3 and FLUX models, drawn through the engine, are those of diffusers' pipelines."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.pipelines.flux import pipeline_flux_img2img
from diffusers.pipelines.stable_diffusion_3 import (
    pipeline_stable_diffusion_3_img2img as sd3_img2img,
)
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3, write_tiny_flow
from tests.engine.library import save_picture
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.engine.encoding import encode_texts
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.work import DecodeLatent, EncodeText, Predict
from webui.services.tokenizers import Tokenizers

CPU = torch.device("cpu")
SIDE, STEPS = 64, 4
PROMPT, NEGATIVE = "a red house", "grey"
# Any, here and below: diffusers' pipelines are typed loosely.
Pair = tuple[LoadedModel, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flow")


@pytest.fixture(scope="module")
def sd3(folder: Path) -> Pair:
    return pair(folder / "sd3", tiny_sd3())


@pytest.fixture(scope="module")
def flux(folder: Path) -> Pair:
    return pair(folder / "flux-dev", tiny_flux())


def pair(folder: Path, pipeline: Any) -> Pair:
    """A model in our memory, and diffusers' pipeline of the same weights."""
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return load_model(write_tiny_flow(folder, pipeline), CPU), pipeline


def noise(model: LoadedModel) -> Tensor:
    """The first draw of a picture."""
    return NoiseStream(7, model.latent_shape(SIDE, SIDE), CPU)()


def drawn(model: LoadedModel, **fields: Any) -> Tensor:
    """The latent that the engine draws."""
    fields = {
        "prompt": PROMPT, "negative_prompt": NEGATIVE, "sampler": "Euler", "schedule": "Simple",
        "steps": STEPS, "guidance_scale": 1.0, "width": SIDE, "height": SIDE, **fields,
    }  # fmt: skip
    rig = Rig(model)
    rig.finish(order(model.checkpoint, **fields))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.works(DecodeLatent)[-1].latent


def drawn_with(
    model: LoadedModel, lora: AdapterInfo, weight: float, **fields: Any
) -> tuple[Tensor, Tensor]:
    """The latents that the engine draws with a LoRA and, after it, without."""
    fields = {
        "prompt": PROMPT, "negative_prompt": NEGATIVE, "sampler": "Euler", "schedule": "Simple",
        "steps": STEPS, "guidance_scale": 1.0, "width": SIDE, "height": SIDE, **fields,
    }  # fmt: skip
    rig, use = Rig(model), [{"adapter": lora.id, "weight": weight}]
    rig.finish(order(model.checkpoint, "with", adapters=(lora,), loras=use, **fields))
    rig.finish(order(model.checkpoint, "without", **fields))
    assert set(rig.ends().values()) == {"done"}, rig.error("with")
    first, second = (work.latent for work in rig.works(DecodeLatent))
    return first, second


def expected(pipeline: Any, **options: Any) -> Tensor:
    """The latent that diffusers draws, in time with our schedule."""
    usual = {
        "prompt": PROMPT, "num_inference_steps": STEPS, "width": SIDE, "height": SIDE,
        "output_type": "latent", "sigmas": [(STEPS - i) / STEPS for i in range(STEPS)],
    }  # fmt: skip
    latent: Tensor = pipeline(**{**usual, **options}).images
    return latent


def packed(latent: Tensor) -> Tensor:
    """(1, C, h, w) as FLUX's pipeline has it."""
    return torch.nn.functional.pixel_unshuffle(latent, 2).flatten(2).mT


def assert_close(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert float((ours - theirs).abs().max()) < 1e-4 * max(1.0, float(theirs.std()))


def test_a_picture_of_stable_diffusion_3_is_that_of_diffusers(sd3: Pair) -> None:
    model, pipeline = sd3
    theirs = expected(
        pipeline,
        negative_prompt=NEGATIVE,
        latents=noise(model),
        guidance_scale=4.5,
        max_sequence_length=256,
    )
    assert_close(drawn(model, guidance_scale=4.5), theirs)


def test_without_t5_it_draws_all_the_same_and_says_so(folder: Path) -> None:
    model, pipeline = pair(folder / "small", tiny_sd3(with_t5=False))
    theirs = expected(pipeline, negative_prompt=NEGATIVE, latents=noise(model), guidance_scale=4.5)
    rig = Rig(model)
    assert_close(drawn(model, guidance_scale=4.5), theirs)
    rig.finish(order(model.checkpoint, sampler="Euler", width=SIDE, height=SIDE))
    assert any("third text encoder (T5) is not there" in note.text for note in rig.notes())


def test_a_picture_of_flux_is_that_of_diffusers(flux: Pair) -> None:
    model, pipeline = flux
    theirs = expected(pipeline, latents=packed(noise(model)), guidance_scale=2.5)
    assert_close(packed(drawn(model, distilled_guidance_scale=2.5)), theirs)
    other = packed(drawn(model, distilled_guidance_scale=6.0))
    assert not torch.allclose(other, theirs, atol=1e-4)


def test_flux_may_be_guided_by_a_negative_prompt_too(flux: Pair) -> None:
    model, pipeline = flux
    theirs = expected(
        pipeline, latents=packed(noise(model)), negative_prompt=NEGATIVE, true_cfg_scale=3.0
    )
    assert_close(packed(drawn(model, guidance_scale=3.0, distilled_guidance_scale=3.5)), theirs)


def test_schnell_is_told_no_guidance_and_has_a_shift_of_its_own(folder: Path) -> None:
    model, pipeline = pair(folder / "flux-schnell", tiny_flux(told=False))
    assert dict(model.checkpoint.defaults)["steps"] == 4
    theirs = expected(pipeline, latents=packed(noise(model)), max_sequence_length=256)
    assert_close(packed(drawn(model)), theirs)


def test_a_shift_that_is_asked_for_is_taken(sd3: Pair) -> None:
    model, _ = sd3
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, sampler="Euler", schedule="Simple", steps=2, flow_shift=1.0,
              width=SIDE, height=SIDE)
    )  # fmt: skip
    assert [work.t for work in rig.works(Predict)] == pytest.approx([1000, 500], abs=0.1)


def test_the_shift_of_flux_grows_with_the_picture(flux: Pair) -> None:
    model, _ = flux
    middles = [levels.told(levels.sigma(499)) for levels in
               (model.levels_at(side, side) for side in (64, 512))]  # fmt: skip
    assert 500 < middles[0] < middles[1] < 900


@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_a_picture_from_a_picture_is_that_of_diffusers(
    request: pytest.FixtureRequest, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, pipeline = request.getfixturevalue(family)
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, *_, **__: self.mode())
    for module in (sd3_img2img, pipeline_flux_img2img):
        monkeypatch.setattr(module, "randn_tensor", lambda *_, **__: noise(model))
    kind: Any = {
        "sd3": sd3_img2img.StableDiffusion3Img2ImgPipeline,
        "flux": pipeline_flux_img2img.FluxImg2ImgPipeline,
    }[family]
    parts = {name: part for name, part in pipeline.components.items() if part is not None}
    again = kind(**parts)
    again.set_progress_bar_config(disable=True)
    file = save_picture(tmp_path / "start.png", SIDE, SIDE)
    scale = 4.5 if family == "sd3" else 3.5
    theirs = expected(
        again,
        image=Image.open(file),
        strength=0.5 + 1 / STEPS,  # we count steps as AUTOMATIC1111 does: one more
        guidance_scale=scale,
        **({"negative_prompt": NEGATIVE} if family == "sd3" else {}),
    )
    guidance = scale if family == "sd3" else 1.0
    ours = drawn(
        model, files={"image": file}, denoising_strength=0.5, guidance_scale=guidance,
        distilled_guidance_scale=3.5,
    )  # fmt: skip
    assert_close(ours if family == "sd3" else packed(ours), theirs)


@pytest.mark.parametrize("family", ["sd3", "flux"])
@pytest.mark.parametrize("sampler", ["DPM++ 2M", "Euler a", "UniPC", "Heun", "DPM2", "LMS"])
def test_other_samplers_and_odd_sizes_walk_a_flow(
    request: pytest.FixtureRequest, family: str, sampler: str
) -> None:
    model, _ = request.getfixturevalue(family)
    latent = drawn(model, sampler=sampler, schedule="Karras", width=72, height=88)
    assert latent.shape == (1, 4, 22, 18)
    assert bool(latent.isfinite().all())
    assert float(latent.std()) < 20


@pytest.mark.parametrize("family", ["sd3", "flux"])
def test_texts_of_other_lengths_take_turns(request: pytest.FixtureRequest, family: str) -> None:
    model, _ = request.getfixturevalue(family)
    rig, usual = Rig(model), {"sampler": "Euler", "steps": 2, "width": SIDE, "height": SIDE}
    # Any: fields of a request.
    fields: dict[str, Any] = {"guidance_scale": 1.0, **usual}
    rig.finish(
        order(model.checkpoint, "short", prompt="a", **fields),
        order(model.checkpoint, "same", prompt="b", seed=3, **fields),
        order(model.checkpoint, "long", prompt="hill " * 50, **fields),
    )
    assert set(rig.ends().values()) == {"done"}
    assert max(rig.predicted_rows()) == (2 if family == "sd3" else 3)


def test_weights_count_for_t5_and_break_does_not_cut_its_row(flux: Pair) -> None:
    model, _ = flux
    texts = ("a cat", "a (cat:1.5)", "a cat BREAK hill", "a cat hill")
    plain, weighed, broken, joined = encode_texts([EncodeText(model, text) for text in texts])
    assert plain.tokens.shape == (1, 512, 48)
    assert not torch.allclose(plain.tokens, weighed.tokens, atol=1e-3)
    assert torch.allclose(broken.tokens, joined.tokens, atol=1e-5)


def test_a_tokenizer_without_its_file_is_a_broken_model(flux: Pair, tmp_path: Path) -> None:
    model, _ = flux
    shutil.copytree(model.checkpoint.path, tmp_path / "copy")
    (tmp_path / "copy" / "tokenizer_2" / "tokenizer.json").unlink()
    copy = replace(model.checkpoint, path=str(tmp_path / "copy"), parts=())
    with pytest.raises(BrokenModel, match=r"no tokenizer\.json"):
        load_model(copy, CPU)


def test_the_studio_counts_the_words_that_t5_reads(flux: Pair) -> None:
    model, _ = flux
    ready = Tokenizers().of(model.checkpoint)
    assert ready is not None
    assert model.tokenize is not None
    assert list(ready.tokenize("a red house")) == model.tokenize("a red house")
    assert ready.frame == model.frame
    assert ready.frame.content == 511


T5_LAYERS = (
    "encoder.block.0.layer.0.SelfAttention.q",
    "encoder.block.0.layer.1.DenseReluDense.wo",
)


def t5_lora(file: Path, t5: Any, naming: str, weight: float) -> AdapterInfo:
    """A LoRA of T5 alone, which is merged by hand into the pipeline's."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}
    for name in T5_LAYERS:
        layer = t5.get_submodule(name)
        down = torch.randn(2, layer.weight.shape[1], generator=generator)
        up = torch.randn(layer.weight.shape[0], 2, generator=generator)
        joined = naming.format(name.replace(".", "_") if naming.endswith("_{}") else name)
        ends = ("lora_down", "lora_up") if naming.endswith("_{}") else ("lora_A", "lora_B")
        tensors |= {f"{joined}.{ends[0]}.weight": down, f"{joined}.{ends[1]}.weight": up}
        layer.weight.data += weight * up @ down
    save_file(tensors, file)
    return AdapterInfo(AdapterId(file.stem), "lora", "t5", str(file), 1)


@pytest.mark.parametrize("naming", ["lora_te3_{}", "text_encoder_3.{}"])
def test_what_a_lora_changes_in_the_t5_of_stable_diffusion_3_is_drawn(
    folder: Path, tmp_path: Path, naming: str
) -> None:
    model, pipeline = pair(folder / f"sd3-{naming[:8]}", tiny_sd3())
    before = drawn(model, guidance_scale=4.5)
    info = t5_lora(tmp_path / "a.safetensors", pipeline.text_encoder_3, naming, 0.7)
    ours, after = drawn_with(model, info, 0.7, guidance_scale=4.5)
    theirs = expected(
        pipeline,
        negative_prompt=NEGATIVE,
        latents=noise(model),
        guidance_scale=4.5,
        max_sequence_length=256,
    )
    assert_close(ours, theirs)
    assert not torch.allclose(ours, before, atol=1e-3)
    assert torch.equal(after, before)


@pytest.mark.parametrize("naming", ["lora_te3_{}", "text_encoder_2.{}"])
def test_what_a_lora_changes_in_the_t5_of_flux_is_drawn(
    folder: Path, tmp_path: Path, naming: str
) -> None:
    model, pipeline = pair(folder / f"flux-dev-{naming[:8]}", tiny_flux())
    info = t5_lora(tmp_path / "a.safetensors", pipeline.text_encoder_2, naming, 0.5)
    ours, after = drawn_with(model, info, 0.5)
    theirs = expected(pipeline, latents=packed(noise(model)), guidance_scale=3.5)
    assert_close(packed(ours), theirs)
    assert not torch.allclose(ours, after, atol=1e-3)


def test_a_lora_for_a_t5_that_is_not_there_says_so(folder: Path, tmp_path: Path) -> None:
    model, _ = pair(folder / "without", tiny_sd3(with_t5=False))
    t5 = tiny_sd3().text_encoder_3
    info = t5_lora(tmp_path / "a.safetensors", t5, "lora_te3_{}", 0.5)
    rig = Rig(model)
    use = [{"adapter": info.id}]
    rig.finish(order(model.checkpoint, adapters=(info,), loras=use, width=SIDE, height=SIDE))
    assert rig.ends() == {"job": "done"}
    wanted = "The LoRA 'a' changes the third text encoder (T5) too, which this model has not"
    assert any(wanted in note.text for note in rig.notes())
