"""Stable Diffusion 3 and FLUX with all parts in one file draw what diffusers' pipelines draw."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.engine.families import whole_flow
from tests.engine.families.test_flow_families import (
    NEGATIVE,
    assert_close,
    drawn,
    expected,
    noise,
    packed,
)
from tests.engine.families.tiny_flow import t5_tokenizer
from tests.engine.families.whole_flow import whole_weights, write_whole
from tests.engine.original import described
from tests.engine.rig import Rig, order
from webui.contracts.errors import BrokenModel
from webui.engine.encoding import encode_texts
from webui.engine.families.registry import load_model
from webui.engine.packed.layers import PackedLinear
from webui.engine.work import EncodeText

CPU = torch.device("cpu")


def with_tokenizer(folder: Path) -> Path:
    """The tokenizer of T5 where a person puts it."""
    t5_tokenizer().save_pretrained(folder / "t5-v1_1-xxl")
    return folder


def test_stable_diffusion_3_draws_what_diffusers_draws(tmp_path: Path) -> None:
    pipeline = whole_flow.sd3()
    file = write_whole(with_tokenizer(tmp_path) / "sd3_incl_clips_t5xxl.safetensors", pipeline)
    model = load_model(described(file), CPU)
    theirs = expected(
        pipeline, negative_prompt=NEGATIVE, latents=noise(model), guidance_scale=4.5,
        max_sequence_length=256,
    )  # fmt: skip
    assert_close(drawn(model, guidance_scale=4.5), theirs)
    assert (model.latent_scale, model.latent_shift) == (1.5305, 0.0609)
    with torch.inference_mode():
        ours = model.vae.decode(theirs, return_dict=False)[0]
        assert (ours - pipeline.vae.decode(theirs, return_dict=False)[0]).abs().max() < 1e-4
    assert not model.traits.lacks


@pytest.mark.parametrize("holds_t5", [True, False])
def test_without_t5_or_its_words_it_draws_by_the_other_two_and_says_so(
    tmp_path: Path, holds_t5: bool
) -> None:
    pipeline = whole_flow.sd3(with_t5=holds_t5)
    file = write_whole(tmp_path / "sd3.safetensors", pipeline)
    model = load_model(described(file), CPU)
    without = whole_flow.sd3(with_t5=False)
    without.transformer = pipeline.transformer
    without.text_encoder, without.text_encoder_2 = pipeline.text_encoder, pipeline.text_encoder_2
    theirs = expected(without, negative_prompt=NEGATIVE, latents=noise(model), guidance_scale=4.5)
    assert_close(drawn(model, guidance_scale=4.5), theirs)
    rig = Rig(model)
    rig.finish(order(model.checkpoint, sampler="Euler", width=64, height=64))
    (note,) = [note.text for note in rig.notes()]
    assert (str(tmp_path / "t5-v1_1-xxl") in note) == holds_t5
    assert ("Put tokenizer.json" in note) == holds_t5
    assert "third text encoder (T5) is not" in note


@pytest.mark.parametrize("told", [True, False], ids=["dev", "schnell"])
def test_flux_draws_what_diffusers_draws(tmp_path: Path, told: bool) -> None:
    pipeline = whole_flow.flux(told)
    file = write_whole(with_tokenizer(tmp_path) / "a.safetensors", pipeline)
    checkpoint = described(file)
    assert dict(checkpoint.defaults)["steps"] == (20 if told else 4)
    model = load_model(checkpoint, CPU)
    length = 512 if told else 256
    theirs = expected(
        pipeline, latents=packed(noise(model)), guidance_scale=2.5, max_sequence_length=length
    )
    assert_close(packed(drawn(model, distilled_guidance_scale=2.5)), theirs)
    assert (model.latent_scale, model.latent_shift) == (0.3611, 0.1159)


def test_weights_of_eight_bits_are_those_of_their_numbers(tmp_path: Path) -> None:
    """As in the published files, all but the first stage is stored so."""
    pipeline = whole_flow.flux()
    stored, plain = {}, {}
    for name, weight in whole_weights(pipeline).items():
        keeps = weight.dim() < 2 or name.startswith("vae.")
        stored[name] = weight.clone() if keeps else weight.to(torch.float8_e4m3fn)
        plain[name] = stored[name].float()
    with_tokenizer(tmp_path)
    said = []
    for name, weights in (("eight", stored), ("plain", plain)):
        file = tmp_path / f"{name}.safetensors"
        safetensors.torch.save_file(weights, file)
        model = load_model(described(file), CPU)
        said.append((drawn(model), encode_texts([EncodeText(model, "a red house")])[0].tokens))
    lean = load_model(described(tmp_path / "eight.safetensors"), CPU, lean=True)
    assert sum(isinstance(layer, PackedLinear) for layer in lean.unet.modules()) > 10
    assert torch.allclose(drawn(lean), said[0][0], atol=1e-5)  # eight bits fit bfloat16
    for eight, plain_numbers in zip(*said, strict=True):  # files are aligned otherwise: rounding
        assert torch.allclose(eight, plain_numbers, atol=1e-5)
    assert said[0][0].abs().max() > 0.1


def test_a_file_that_lacks_weights_is_broken(tmp_path: Path) -> None:
    weights = whole_weights(whole_flow.sd3())
    lacking = (
        ("text_encoders.clip_g.transformer.text_projection.weight", "no projection"),
        ("text_encoders.t5xxl.transformer.encoder.final_layer_norm.weight", "T5 has other weights"),
        ("model.diffusion_model.t_embedder.mlp.0.weight", "other weights"),
        ("first_stage_model.decoder.norm_out.weight", "first stage has other weights"),
    )
    with_tokenizer(tmp_path)
    for number, (name, sentence) in enumerate(lacking):
        file = tmp_path / f"{number}.safetensors"
        kept = {n: w.clone() for n, w in weights.items() if n != name}
        safetensors.torch.save_file(kept, file)
        with pytest.raises(BrokenModel, match=sentence):
            load_model(described(file), CPU)
