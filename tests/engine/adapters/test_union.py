"""A union controlnet, told what kind of picture it is shown, steers as in diffusers' own pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
from diffusers.pipelines.controlnet.pipeline_controlnet_union_sd_xl import (
    StableDiffusionXLControlNetUnionPipeline,
)
from PIL import Image

from tests.engine.families.test_sdxl import SIDE, assert_close, drawn, expected, loaded, noise
from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.library import save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.union_kinds import UNION_KINDS, kinds_of, type_of
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.services.adapter_files import describe_controlnet
from webui.services.control_files import describe_control_file

CPU = torch.device("cpu")
TYPES = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_model(write_tiny_xl(tmp_path_factory.mktemp("xl") / "base"), CPU)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model: LoadedModel) -> Path:
    """A union of random weights, that already says something."""
    unet: Any = model.unet
    same = (
        "in_channels", "block_out_channels", "down_block_types", "layers_per_block",
        "cross_attention_dim", "transformer_layers_per_block", "use_linear_projection",
        "addition_embed_type", "addition_time_embed_dim", "projection_class_embeddings_input_dim",
    )  # fmt: skip
    levels = model.checkpoint.latent_factor.bit_length()
    width = unet.config.block_out_channels[0]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net: Any = ControlNetUnionModel(
            **{name: unet.config[name] for name in same}, num_control_type=TYPES,
            attention_head_dim=(1, 1), norm_num_groups=16,  # which no file says: 64 to a head, 32 groups at most
            conditioning_embedding_out_channels=(8, 16, 16, 16, 16)[:levels],
            num_trans_channel=width, num_proj_channel=width,
        )  # fmt: skip
        ends = [*net.controlnet_down_blocks, net.controlnet_mid_block]
        for layer in [*ends, net.controlnet_cond_embedding.conv_out, net.spatial_ch_projs]:
            torch.nn.init.normal_(layer.weight, std=0.1)  # they begin as zeros
        torch.nn.init.normal_(net.task_embedding)
    path = tmp_path_factory.mktemp("union") / "xinsir"
    net.save_pretrained(path)
    return path


def described(folder: Path) -> AdapterInfo:
    info = describe_controlnet(folder, AdapterId("union"))
    assert info is not None
    return info


def ours(model: LoadedModel, info: AdapterInfo, hint: Path, kind: str) -> torch.Tensor:
    use = {"adapter": info.id, "image": image_id(hint), "weight": 0.7, "kind": kind}
    return drawn(model, files={"hint": hint}, adapters=(info,), controls=[use])


@pytest.mark.parametrize("kind", ["depth", "edges"])
def test_a_folder_steers_as_in_diffusers_by_the_kind_of_its_picture(
    model: LoadedModel, folder: Path, tmp_path: Path, kind: str
) -> None:
    info = described(folder)
    assert info.kinds == kinds_of(TYPES)
    hint = save_picture(tmp_path / "hint.png", SIDE, SIDE)
    net = ControlNetUnionModel.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline = loaded(StableDiffusionXLControlNetUnionPipeline, model.checkpoint, controlnet=net)
    theirs = expected(
        pipeline, latents=noise(model), control_image=[Image.open(hint)],
        control_mode=[type_of(kind)], controlnet_conditioning_scale=0.7,
    )  # fmt: skip
    assert_close(ours(model, info, hint, kind), theirs)
    other = "depth" if kind == "edges" else "edges"
    assert not torch.allclose(ours(model, info, hint, other), theirs, atol=1e-4)


def test_a_single_file_is_the_same(model: LoadedModel, folder: Path, tmp_path: Path) -> None:
    hint = save_picture(tmp_path / "hint.png", SIDE, SIDE)
    file = folder / "diffusion_pytorch_model.safetensors"
    info = describe_control_file(file, AdapterId("controlnet/promax"))
    assert info.kinds == kinds_of(TYPES)
    alone = ours(model, info, hint, "depth")
    assert torch.allclose(alone, ours(model, described(folder), hint, "depth"), atol=1e-5)
    # Where nobody says what it is shown, it is edges.
    assert torch.equal(ours(model, info, hint, ""), ours(model, info, hint, "edges"))


def test_a_kind_that_it_does_not_read_is_a_sentence(
    model: LoadedModel, folder: Path, tmp_path: Path
) -> None:
    info, hint = described(folder), save_picture(tmp_path / "hint.png", SIDE, SIDE)
    use = {"adapter": info.id, "image": image_id(hint), "kind": "tile"}
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, adapters=(info,), files={"hint": hint}, controls=[use],
              width=SIDE, height=SIDE)
    )  # fmt: skip
    assert "is shown 'tile'; it reads pose, depth" in rig.error("job")


def test_every_kind_has_its_type() -> None:
    assert [type_of(kinds[-1]) for kinds in UNION_KINDS] == list(range(8))
    assert kinds_of(0) == ()
    with pytest.raises(ValueError, match="reads 'smell'"):
        type_of("smell")
