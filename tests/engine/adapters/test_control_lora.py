"""A Control-LoRA says what a whole controlnet says whose weights are the UNet's and the product of its factors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.engine.adapters.test_controlnet import in_original, use
from tests.engine.library import save_picture
from tests.engine.rig import Rig, order
from tests.engine.tiny import TinySizes, write_tiny
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, JobFailed
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.control import load_steerer
from webui.engine.adapters.control_lora import LoadedControlLora, load_control_lora
from webui.engine.adapters.dialects.low_rank import LowRank
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.merging import MergedWeights
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.packed.layers import lighten

CPU = torch.device("cpu")
RANK = 3
LEFT_OUT = "time_embedding.linear_2"
"""A layer of which a file has nothing."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("model")
    return load_model(write_tiny(folder / "tiny", TinySizes(unet_layers=2)), CPU)


def unet_like_sdxl() -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return UNet2DConditionModel(
            block_out_channels=(64, 128), cross_attention_dim=24, use_linear_projection=True,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=(1, 2),
            transformer_layers_per_block=(1, 2), addition_embed_type="text_time",
            addition_time_embed_dim=256, projection_class_embeddings_input_dim=6 * 256 + 24,
        ).eval()  # fmt: skip


def written(folder: Path, unet: nn.Module) -> tuple[AdapterInfo, AdapterInfo]:
    """The file of a Control-LoRA over a UNet, and the folder of the controlnet that it amounts to."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        # Any: diffusers' classes are untyped.
        net: Any = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16))
        tensors: dict[str, Tensor] = {"lora_controlnet": torch.zeros(0)}
        for name, module in net.named_modules():
            own = dict(module.named_parameters(recurse=False))
            if name == LEFT_OUT or not own:
                continue
            weight = own.pop("weight")
            of_control = name.startswith("controlnet")
            if of_control or weight.dim() == 1:
                torch.nn.init.normal_(weight, std=0.1, mean=float(not of_control))
                tensors[in_original(f"{name}.weight")] = weight
            else:
                up, down = (
                    torch.randn(len(weight), RANK) * 0.05,
                    torch.randn(RANK, *weight.shape[1:]) * 0.2,
                )
                shape = (*up.shape, *[1] * (weight.dim() - 2))
                tensors[in_original(f"{name}.up")] = up.view(shape)
                tensors[in_original(f"{name}.down")] = down
                weight.data += (up @ down.flatten(1)).view(weight.shape)
            for bias in own.values():
                torch.nn.init.normal_(bias, std=0.1)
                tensors[in_original(f"{name}.bias")] = bias
    file = folder / "control-lora-canny.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, file)
    net.save_pretrained(folder / "whole")
    lora, whole = (
        AdapterInfo(AdapterId(path.name), "controlnet", path.name, str(path), 1)
        for path in (file, folder / "whole")
    )
    return lora, whole


def control_lora(info: AdapterInfo) -> LoadedControlLora:
    loaded = load_steerer(info, CPU)
    assert isinstance(loaded, LoadedControlLora)
    return loaded


@pytest.mark.parametrize("sdxl", [False, True])
def test_it_says_what_the_whole_controlnet_says(
    tmp_path: Path, model: LoadedModel, sdxl: bool
) -> None:
    unet: Any = unet_like_sdxl() if sdxl else model.unet
    info, whole = written(tmp_path, unet)
    net: Any = control_lora(info).over(unet, MergedWeights())
    theirs: Any = ControlNetModel.from_pretrained(whole.path)
    width = unet.config.cross_attention_dim
    assert (net.factor, net.latent_channels, net.widths[-1]) == (2, 4, width)
    generator = torch.Generator().manual_seed(1)
    x, tokens = (torch.randn(1, *s, generator=generator) for s in ((4, 8, 8), (3, width)))
    hint = torch.rand(1, 3, 16, 16, generator=generator)
    told = {"text_embeds": tokens[:, 0], "time_ids": torch.arange(6.0)[None]} if sdxl else None
    with torch.inference_mode():
        ours, expected = (
            each(x, 7, tokens, hint, added_cond_kwargs=told, return_dict=False)
            for each in (net.net, theirs)
        )
    for mine, other in zip((*ours[0], ours[1]), (*expected[0], expected[1]), strict=True):
        assert (mine - other).abs().max() < 1e-5 * other.abs().max()


def test_a_unet_that_keeps_half_precision_is_read_where_it_lies(tmp_path: Path) -> None:
    plain: Any = unet_like_sdxl().half()
    light: Any = unet_like_sdxl().half()
    lighten(light)
    assert not isinstance(light.conv_in.weight, nn.Parameter)
    info, _ = written(tmp_path, plain.float())
    nets: list[Any] = [control_lora(info).over(each, MergedWeights()) for each in (plain, light)]
    own, other = (net.net.state_dict() for net in nets)
    assert all(torch.equal(weight, other[name]) for name, weight in own.items())


def test_it_steers_a_picture_as_the_whole_controlnet_does(
    tmp_path: Path, model: LoadedModel
) -> None:
    infos = written(tmp_path, model.unet)
    hint = save_picture(tmp_path / "hint.png")
    pictures = []
    for info in (*infos, None):
        rig = Rig(model)
        given: dict[str, Any] = {"adapters": (info,), "controls": [use(info, hint)]} if info else {}
        rig.finish(order(model.checkpoint, "one", files={"hint": hint}, steps=3, **given))
        assert rig.ends() == {"one": "done"}
        pictures.append(rig.pictures("one")[0].astype(np.int16))
    lora, whole, plain = pictures
    assert np.abs(lora - whole).max() <= 1
    assert np.abs(lora - plain).max() > 10


def test_loras_in_the_unet_are_no_part_of_it(tmp_path: Path, model: LoadedModel) -> None:
    info, _ = written(tmp_path, model.unet)
    alone: Any = control_lora(info).over(model.unet, model.merged)
    weight = model.unet.state_dict()["conv_in.weight"]
    change = LowRank(torch.ones(1, *weight.shape[1:]), torch.ones(len(weight), 1, 1, 1), 1.0)
    lora = LoadedLora(info, {(UNET, "conv_in"): change}, 1)
    model.merged.use(UNET, model.unet, ((lora, 1.0),))
    beside: Any = control_lora(info).over(model.unet, model.merged)
    assert torch.equal(alone.net.conv_in.weight, beside.net.conv_in.weight)


def test_it_is_made_once_for_each_unet(tmp_path: Path, model: LoadedModel) -> None:
    info, _ = written(tmp_path, model.unet)
    net = control_lora(info)
    before = net.bytes
    first = net.over(model.unet, model.merged)
    assert net.over(model.unet, model.merged) is first
    assert net.bytes == before + first.bytes


def test_over_a_unet_of_other_widths_it_is_a_sentence(tmp_path: Path, model: LoadedModel) -> None:
    info, _ = written(tmp_path, unet_like_sdxl())
    hint = save_picture(tmp_path / "hint.png")
    rig = Rig(model)
    named = replace(info, base="SDXL")
    rig.finish(
        order(
            model.checkpoint,
            "one",
            files={"hint": hint},
            adapters=(named,),
            controls=[use(named, hint)],
        )
    )
    assert "is made for another model, SDXL: its" in rig.error("one")


def test_a_model_without_a_unet_is_named(tmp_path: Path, model: LoadedModel) -> None:
    class Transformer(nn.Module):
        config = None

    info, _ = written(tmp_path, model.unet)
    with pytest.raises(JobFailed, match="this model has no UNet"):
        control_lora(info).over(Transformer(), MergedWeights())


def test_half_a_change_is_a_broken_file(tmp_path: Path, model: LoadedModel) -> None:
    info, _ = written(tmp_path, model.unet)
    tensors = load_file(info.path)
    del tensors["input_blocks.0.0.down"]
    save_file(tensors, info.path)
    with pytest.raises(BrokenModel, match=r"'conv_in\.down' is missing"):
        load_control_lora(info, CPU)
