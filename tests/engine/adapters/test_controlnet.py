from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.controlnet.pipeline_controlnet import StableDiffusionControlNetPipeline
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.drive import drive
from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, image_id, order
from tests.engine.tiny import TinySizes, write_tiny
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.engine.adapters.controlnet import load_control
from webui.engine.adapters.store import Adapter
from webui.engine.execute import execute
from webui.engine.noise import NoiseStream
from webui.engine.programs import PictureOrder, program_for
from webui.engine.work import DecodeLatent, Predict, Work

CPU = torch.device("cpu")
STEPS = 5


@pytest.fixture
def hint(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "hint.png")


def use(info: AdapterInfo, hint: Path, **fields: Any) -> dict[str, Any]:
    return {"adapter": info.id, "image": image_id(hint), **fields}


def latent_of(library: Library, hint: Path, *uses: tuple[AdapterInfo, dict[str, Any]]) -> Tensor:
    """The latent that the program hands to the first stage."""
    model = library.model("text")
    job = order(
        model.checkpoint,
        files={"hint": hint},
        adapters=tuple(info for info, _ in uses),
        controls=[use(info, hint, **fields) for info, fields in uses],
        sampler="Euler",
        steps=STEPS,
        guidance_scale=3,
    )
    latents: list[Tensor] = []

    def answer(work: Work) -> object:
        if isinstance(work, DecodeLatent):
            latents.append(work.latent)
        return execute([work])[0]

    adapters: dict[Any, Adapter] = {info.id: load_control(info, CPU) for info, _ in uses}
    picture = PictureOrder(job.request, 0, {image_id(hint): hint}, adapters)
    with torch.inference_mode():
        drive(program_for(job.request, model.checkpoint)(picture, model), answer)
    return latents[0]


def diffusers_latent(
    library: Library, hint: Path, *uses: tuple[AdapterInfo, dict[str, Any]]
) -> Tensor:
    model = library.model("text")
    nets = [ControlNetModel.from_pretrained(info.path) for info, _ in uses]
    pipeline = StableDiffusionControlNetPipeline.from_pretrained(
        model.checkpoint.path, controlnet=nets, torch_dtype=torch.float32, safety_checker=None
    )
    config = {**pipeline.scheduler.config, "timestep_spacing": "linspace"}
    pipeline.scheduler = EulerDiscreteScheduler.from_config(config)
    pixels = np.asarray(Image.open(hint), np.float32) / 255
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    result: Tensor = pipeline(
        "a house", [image] * len(uses), 32, 32, STEPS, guidance_scale=3, output_type="latent",
        latents=NoiseStream(7, (1, 4, 16, 16), CPU)(),
        controlnet_conditioning_scale=[fields.get("weight", 1.0) for _, fields in uses],
        control_guidance_start=[fields.get("start", 0.0) for _, fields in uses],
        control_guidance_end=[fields.get("end", 1.0) for _, fields in uses],
    ).images  # fmt: skip
    return result


@pytest.mark.parametrize(
    "fields", [{}, {"weight": 0.6}, {"start": 0.3}, {"end": 0.6}, {"start": 0.2, "end": 0.8}]
)
def test_diffusers_arrives_at_the_same_latent(
    library: Library, hint: Path, fields: dict[str, float]
) -> None:
    uses = (library.control(), fields)
    ours = latent_of(library, hint, uses)
    assert torch.allclose(ours, diffusers_latent(library, hint, uses), atol=1e-4)
    assert not torch.allclose(ours, latent_of(library, hint), atol=1e-2)


def test_two_controls_add_up_as_in_diffusers(library: Library, hint: Path) -> None:
    uses = [(library.control(), {"weight": 0.7}), (library.control("second"), {"end": 0.6})]
    ours = latent_of(library, hint, *uses)
    assert torch.allclose(ours, diffusers_latent(library, hint, *uses), atol=1e-4)


def test_weight_0_is_no_control_at_all(library: Library, hint: Path) -> None:
    ours = latent_of(library, hint, (library.control(), {"weight": 0.0}))
    assert torch.equal(ours, latent_of(library, hint))


def test_the_hint_has_the_size_that_the_network_reads(
    library: Library, hint: Path, tmp_path: Path
) -> None:
    info = library.control()
    unet = UNet2DConditionModel.from_pretrained(
        Path(library.model("text").checkpoint.path) / "unet"
    )
    fine = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16))
    fine.save_pretrained(tmp_path / "fine")
    fine_info = replace(info, path=str(tmp_path / "fine"))
    assert (load_control(info, CPU).factor, load_control(fine_info, CPU).factor) == (2, 4)
    assert latent_of(library, hint, (fine_info, {})).shape == (1, 4, 16, 16)


def test_colours_of_classes_are_not_mixed(library: Library, tmp_path: Path) -> None:
    stripes = np.zeros((48, 48, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    model = library.model("text")
    levels = {}
    for reads in ("classes", "edges"):
        info = library.control(reads, reads)
        rig = Rig(model)
        files = {"hint": tmp_path / "stripes.png"}
        controls = [use(info, files["hint"])]
        rig.finish(order(model.checkpoint, files=files, adapters=(info,), controls=controls))
        levels[reads] = set(rig.works(Predict)[0].controls[0].hint.flatten().tolist())
    assert levels["classes"] == {0.0, 1.0}
    assert len(levels["edges"]) > 2


def test_a_control_for_another_model_fails_its_job_only(
    library: Library, hint: Path, tmp_path: Path
) -> None:
    model = library.model("text")
    other = write_tiny(tmp_path / "wide", TinySizes(unet_channels=(16, 48)))
    unet = UNet2DConditionModel.from_pretrained(Path(other.path) / "unet")
    ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 16)).save_pretrained(
        tmp_path / "control"
    )
    info = replace(library.control(), path=str(tmp_path / "control"))
    rig = Rig(model)
    files = {"hint": hint}
    misfit = order(
        model.checkpoint, "misfit", files=files, adapters=(info,), controls=[use(info, hint)]
    )
    rig.finish(misfit, order(model.checkpoint, "plain"))
    assert rig.ends() == {"misfit": "failed", "plain": "done"}
    assert "is made for another model" in rig.error("misfit")
    assert "(4, 16, 48, 16), those of this model are (4, 16, 32, 16)" in rig.error("misfit")


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_damaged_files_are_a_broken_model(library: Library, tmp_path: Path, damage: str) -> None:
    shutil.copytree(library.control().path, tmp_path / "copy")
    file = tmp_path / "copy" / "diffusion_pytorch_model.safetensors"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(BrokenModel, match="'tiny/control'"):
        load_control(replace(library.control(), path=str(tmp_path / "copy")), CPU)


@pytest.mark.parametrize("layout", ["original", "diffusers"])
@pytest.mark.parametrize("sdxl", [False, True])
def test_a_single_file_of_either_layout_says_what_diffusers_network_says(
    tmp_path: Path, layout: str, sdxl: bool
) -> None:
    added: dict[str, Any] = {
        "use_linear_projection": True, "attention_head_dim": (1, 2), "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 6 * 256 + 24,
        "transformer_layers_per_block": (1, 2),
    }  # fmt: skip
    wide = (64, 128)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net: Any = ControlNetModel(
            block_out_channels=wide, cross_attention_dim=24, norm_num_groups=32,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            conditioning_embedding_out_channels=(8, 16), **(added if sdxl else {}),
        ).eval()  # fmt: skip
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    if layout == "original":
        state = {f"control_model.{in_original(name)}": tensor for name, tensor in state.items()}
    save_file(state, tmp_path / "a.safetensors")
    info = AdapterInfo(AdapterId("a"), "controlnet", "a", str(tmp_path / "a.safetensors"), 1)
    loaded = load_control(info, CPU)
    assert (loaded.factor, loaded.latent_channels, loaded.widths) == (2, 4, (64, 128, 24))
    generator = torch.Generator().manual_seed(1)
    x, tokens = (torch.randn(1, *s, generator=generator) for s in ((4, 8, 8), (3, 24)))
    hint = torch.rand(1, 3, 16, 16, generator=generator)
    told = {"text_embeds": tokens[:, 0], "time_ids": torch.arange(6.0)[None]} if sdxl else None
    with torch.inference_mode():
        ours, theirs = (
            each(x, 7, tokens, hint, added_cond_kwargs=told, return_dict=False)
            for each in (loaded.net, net)
        )
    # Not to the bit: ours has its channels last.
    for mine, other in zip((*ours[0], ours[1]), (*theirs[0], theirs[1]), strict=True):
        assert (mine - other).abs().max() < 1e-5 * other.abs().max()


def in_original(name: str) -> str:
    """A tensor's name in the original code, of a network of two levels."""
    inner = {
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    }  # fmt: skip
    outer = {
        "conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2", "controlnet_mid_block": "middle_block_out.0",
        "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2", "down_blocks.0.downsamplers.0.conv": "input_blocks.3.0.op",
        "controlnet_cond_embedding.conv_in": "input_hint_block.0",
        "controlnet_cond_embedding.blocks.0": "input_hint_block.2",
        "controlnet_cond_embedding.blocks.1": "input_hint_block.4",
        "controlnet_cond_embedding.conv_out": "input_hint_block.14",
    }  # fmt: skip
    for block in range(2):
        for layer in range(2):
            at = 1 + 3 * block + layer
            outer[f"down_blocks.{block}.resnets.{layer}"] = f"input_blocks.{at}.0"
            outer[f"down_blocks.{block}.attentions.{layer}"] = f"input_blocks.{at}.1"
    for i in range(6):
        outer[f"controlnet_down_blocks.{i}"] = f"zero_convs.{i}.0"
    ours = next(o for o in sorted(outer, key=len, reverse=True) if name.startswith(o + "."))
    rest = name.removeprefix(ours + ".")
    head, dot, tail = rest.partition(".")
    return f"{outer[ours]}.{inner.get(head, head) if 'resnets' in ours else head}{dot}{tail}"
