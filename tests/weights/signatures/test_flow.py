"""SD 3 and FLUX with all parts in one file are known by their shapes, at their true size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

from tests.engine.families.tiny_flow import t5_tokenizer
from tests.engine.flow_layout.published import FLUX, SD3, published
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import Shapes, clip_shapes, first_stage_shapes
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.contracts.ids import ModelId
from webui.engine.flow_layout import flux, sd3
from webui.services.catalog import Catalog
from webui.services.single_file import describe_file
from webui.services.tokenizers import Tokenizers
from webui.weights.ldm_unet import UNET

MEDIUM: dict[str, Any] = {
    "num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 192,
}  # fmt: skip
LARGE: dict[str, Any] = {
    "num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432, "pos_embed_max_size": 192,
    "qk_norm": "rms_norm",
}  # fmt: skip
MEDIUM_35: dict[str, Any] = {
    **MEDIUM, "pos_embed_max_size": 384, "qk_norm": "rms_norm", "dual_attention_layers": tuple(range(13)),
}  # fmt: skip
"""Of stabilityai/stable-diffusion-3-medium, 3.5-large and 3.5-medium, where they differ from diffusers' defaults."""


# Any: diffusers' networks are typed loosely.
def sd3_network(sizes: dict[str, Any]) -> Any:
    with torch.device("meta"):
        return SD3Transformer2DModel(
            in_channels=16, out_channels=16, joint_attention_dim=4096, pooled_projection_dim=2048,
            attention_head_dim=64, **sizes,
        )  # fmt: skip


def flux_network(told: bool) -> Any:
    with torch.device("meta"):
        return FluxTransformer2DModel(guidance_embeds=told)


def settings(network: Any) -> dict[str, Any]:
    """A configuration, without what diffusers notes of itself."""
    return {name: value for name, value in network.config.items() if not name.startswith("_")}


def t5_shapes(width: int = 4096, layers: int = 24) -> Shapes:
    """T5 1.1 XXL's encoder."""
    shapes: Shapes = {"shared.weight": (32128, width), "encoder.final_layer_norm.weight": (width,)}
    bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    shapes[bias] = (32, 64)
    for i in range(layers):
        for letter in "qkvo":
            shapes[f"encoder.block.{i}.layer.0.SelfAttention.{letter}.weight"] = (4096, width)
        shapes[f"encoder.block.{i}.layer.0.layer_norm.weight"] = (width,)
        shapes[f"encoder.block.{i}.layer.1.layer_norm.weight"] = (width,)
        for name, shape in {
            "wi_0": (10240, width),
            "wi_1": (10240, width),
            "wo": (width, 10240),
        }.items():
            shapes[f"encoder.block.{i}.layer.1.DenseReluDense.{name}.weight"] = shape
    return {f"text_encoders.t5xxl.transformer.{name}": shape for name, shape in shapes.items()}


def shapes_of(network: Any, *, with_t5: bool = True) -> Shapes:
    is_sd3 = isinstance(network, SD3Transformer2DModel)
    names = published(network.state_dict(), SD3 if is_sd3 else FLUX)
    stage = first_stage_shapes(latent=16, prefix="first_stage_model." if is_sd3 else "vae.")
    clips = clip_shapes(prefix="text_encoders.clip_l.transformer.text_model.")
    if is_sd3:
        clips |= clip_shapes(1280, 32, prefix="text_encoders.clip_g.transformer.text_model.")
        clips["text_encoders.clip_g.transformer.text_projection.weight"] = (1280, 1280)
    return {
        **{UNET + name: tuple(weight.shape) for name, weight in names.items()},
        **{name: shape for name, shape in stage.items() if "quant_conv" not in name},
        **clips, **(t5_shapes() if with_t5 else {}),
    }  # fmt: skip


def describe(file: Path) -> CheckpointInfo:
    info = describe_file(file, ModelId(file.name))
    assert info is not None
    return info


@pytest.mark.parametrize("with_t5", [True, False])
def test_stable_diffusion_3_is_known(tmp_path: Path, with_t5: bool) -> None:
    shapes = shapes_of(sd3_network(MEDIUM), with_t5=with_t5)
    info = describe(write_sparse(tmp_path / "sd3_medium_incl_clips.safetensors", shapes))
    assert (info.family, info.task, info.prediction) == ("sd3", "text", "flow")
    assert (info.latent_channels, info.latent_factor, info.native_width) == (16, 8, 1024)
    assert (info.is_in_parts, info.vocabulary) == (False, "clip")
    place = str(tmp_path / "t5-v1_1-xxl")
    assert info.parts == ((("place of tokenizer_3", place),) if with_t5 else ())
    assert dict(info.defaults)["steps"] == 28


@pytest.mark.parametrize("told", [True, False], ids=["dev", "schnell"])
def test_flux_is_known_once_the_tokenizer_is_there(tmp_path: Path, told: bool) -> None:
    file = write_sparse(tmp_path / "models/a.safetensors", shapes_of(flux_network(told)))
    place = tmp_path / "models" / "t5-v1_1-xxl"
    catalog = Catalog([tmp_path / "models"])
    said = dict(catalog.problems())[str(file)]
    assert f"Put tokenizer.json of google/t5-v1_1-xxl (the folder tokenizer_2 of a FLUX model has it) into {str(place)!r}." in said  # fmt: skip
    t5_tokenizer().save_pretrained(place)
    catalog.refresh()
    info = catalog.get(ModelId("a.safetensors"))
    assert (info.family, info.variant) == ("flux", "dev" if told else "schnell")
    assert (info.latent_channels, info.latent_factor, info.native_width) == (16, 8, 1024)
    assert info.part("tokenizer_2") == str(place)
    counted = Tokenizers().of(info)
    assert counted is not None
    assert counted.frame.length == (512 if told else 256)


def test_the_tokenizer_may_come_later_where_a_model_draws_without(tmp_path: Path) -> None:
    file = tmp_path / "models/a.safetensors"
    write_sparse(file, shapes_of(sd3_network(MEDIUM)))
    catalog = Catalog([tmp_path / "models"])
    before = catalog.get(ModelId("a.safetensors"))
    t5_tokenizer().save_pretrained(tmp_path / "models" / "t5-v1_1-xxl")
    catalog.refresh()
    after = catalog.get(ModelId("a.safetensors"))
    assert after.part("tokenizer_3") == str(tmp_path / "models" / "t5-v1_1-xxl")
    assert before != after  # so that memory does not hold it to be the same


@pytest.mark.parametrize("content", ["{}", "[1", json.dumps({"added_tokens": [{"content": "<pad>", "id": 7}]})])  # fmt: skip
def test_another_models_tokenizer_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    file = write_sparse(tmp_path / "a.safetensors", shapes_of(flux_network(told=True)))
    with pytest.raises(BrokenModel, match=r"tokenizer\.json' is no"):
        describe(file)


@pytest.mark.parametrize("gone", ["text_encoders.", "vae."])
def test_a_transformer_without_all_the_rest_is_one_alone(tmp_path: Path, gone: str) -> None:
    shapes = {n: s for n, s in shapes_of(flux_network(told=True)).items() if not n.startswith(gone)}
    with pytest.raises(LacksFile, match="denoising network of 'flux' and nothing else"):
        describe(write_sparse(tmp_path / "a.safetensors", shapes))


def test_one_that_is_told_more_than_text_is_refused(tmp_path: Path) -> None:
    shapes = shapes_of(flux_network(told=True)) | {f"{UNET}img_in.weight": (3072, 384)}
    with pytest.raises(NotAModel, match="takes 384 channels"):
        describe(write_sparse(tmp_path / "fill.safetensors", shapes))


def test_text_encoders_of_another_width_are_a_broken_model(tmp_path: Path) -> None:
    words = "text_encoders.clip_g.transformer.text_model.embeddings.token_embedding.weight"
    shapes = shapes_of(sd3_network(MEDIUM)) | {words: (49408, 1024)}
    with pytest.raises(BrokenModel, match="told 2048 numbers"):
        describe(write_sparse(tmp_path / "a.safetensors", shapes))


@pytest.mark.parametrize(
    "name",
    [
        f"{UNET}x_embedder.proj.weight", f"{UNET}context_embedder.weight", f"{UNET}y_embedder.mlp.0.weight",
        "first_stage_model.decoder.conv_in.weight", "text_encoders.t5xxl.transformer.shared.weight",
        "text_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight",
    ],
)  # fmt: skip
def test_impossible_shapes_are_a_broken_model(tmp_path: Path, name: str) -> None:
    shapes = shapes_of(sd3_network(MEDIUM)) | {name: (3,)}
    with pytest.raises(BrokenModel, match="impossible shape"):
        describe(write_sparse(tmp_path / "a.safetensors", shapes))


@pytest.mark.parametrize("sizes", [MEDIUM, LARGE, MEDIUM_35], ids=["3", "3.5 large", "3.5 medium"])
def test_the_configuration_of_each_published_sd3_is_told_by_its_weights(
    sizes: dict[str, Any],
) -> None:
    theirs = sd3_network(sizes)
    said = sd3.configuration(published(theirs.state_dict(), SD3))
    assert {name: theirs.config[name] for name in said} == said
    with torch.device("meta"):
        ours: Any = SD3Transformer2DModel.from_config(said)
    assert settings(ours) == settings(theirs)


@pytest.mark.parametrize("told", [True, False], ids=["dev", "schnell"])
def test_the_configuration_of_each_published_flux_is_told_by_its_weights(told: bool) -> None:
    theirs = flux_network(told)
    said = flux.configuration(published(theirs.state_dict(), FLUX))
    with torch.device("meta"):
        ours: Any = FluxTransformer2DModel.from_config(said)
    assert settings(ours) == settings(theirs)
