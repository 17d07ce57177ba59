"""Controlnets of FLUX and Stable Diffusion 3, drawn through the engine, steer as in diffusers' own pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.models.controlnets.controlnet_flux import (
    FluxControlNetModel,
    FluxMultiControlNetModel,
)
from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel, SD3MultiControlNetModel
from diffusers.pipelines.controlnet_sd3.pipeline_stable_diffusion_3_controlnet import (
    StableDiffusion3ControlNetPipeline,
)
from diffusers.pipelines.controlnet_sd3.pipeline_stable_diffusion_3_controlnet_inpainting import (
    StableDiffusion3ControlNetInpaintingPipeline,
)
from diffusers.pipelines.flux.pipeline_flux_controlnet import FluxControlNetPipeline
from PIL import Image, ImageOps
from torch import Tensor

from tests.engine.families.test_flow_families import (
    NEGATIVE,
    SIDE,
    Pair,
    assert_close,
    drawn,
    expected,
    noise,
    packed,
    pair,
)
from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3, tiny_vae_of
from tests.engine.library import save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.union_kinds import FLUX_KINDS, kinds_of, type_of
from webui.services.adapter_files import describe_controlnet

MODES = 7
# Any, here and below: diffusers' classes are typed loosely.
Fields = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_draw_of_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Diffusers draws the latent of a picture from what the first stage says; we take its middle."""
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, *_, **__: self.mode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flow-control")


@pytest.fixture(scope="module")
def flux(folder: Path) -> Pair:
    pipeline = tiny_flux(layers=(3, 2))
    return pair(folder / "flux", pipeline)


@pytest.fixture(scope="module")
def sd3(folder: Path) -> Pair:
    return pair(folder / "sd3", tiny_sd3(layers=3))


@pytest.fixture
def hint(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "hint.png", SIDE, SIDE)


def taught(net: Any, seed: int = 3) -> Any:
    """A controlnet that says something: its ends begin as zeros."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for name, parameter in net.named_parameters():
            if name.startswith(("controlnet_", "pos_embed_input", "input_hint_block.conv_out")):
                torch.nn.init.normal_(parameter, std=0.2)
    return net.eval()


def of_transformer(pipeline: Any) -> Fields:
    """Its configuration, without diffusers' note of what was left open."""
    said = dict(pipeline.transformer.config)
    return {name: value for name, value in said.items() if not name.startswith("_")}


def flux_net(pipeline: Any, seed: int = 3, **options: Any) -> Any:
    """Two blocks of both streams and one of one, where the transformer has three and two."""
    config = {**of_transformer(pipeline), "num_layers": 2, "num_single_layers": 1, **options}
    return taught(FluxControlNetModel.from_config(config), seed)


def sd3_net(pipeline: Any, seed: int = 3, **options: Any) -> Any:
    config = {**of_transformer(pipeline), "num_layers": 2, **options}
    return taught(SD3ControlNetModel.from_config(config), seed)


def saved(net: Any, folder: Path, name: str) -> AdapterInfo:
    net.save_pretrained(folder / name)
    info = describe_controlnet(folder / name, AdapterId(name))
    assert info is not None
    return info


def steered(pair: Pair, hint: Path, *uses: tuple[AdapterInfo, Fields], **fields: Any) -> Tensor:
    """The latent that the engine draws."""
    model, _ = pair
    controls = [{"adapter": info.id, "image": image_id(hint), **f} for info, f in uses]
    return drawn(
        model, adapters=tuple(info for info, _ in uses), files={"hint": hint}, controls=controls,
        **fields,
    )  # fmt: skip


def theirs(kind: Any, pair: Pair, net: Any, hint: Path, **options: Any) -> Tensor:
    """The latent that diffusers draws."""
    model, pipeline = pair
    parts = {name: part for name, part in pipeline.components.items() if part is not None}
    missing = {"image_encoder": None, "feature_extractor": None}
    again = kind(**{**missing, **parts}, controlnet=net)
    again.set_progress_bar_config(disable=True)
    latent = noise(model)
    flux = kind is FluxControlNetPipeline
    image = Image.open(hint).convert("RGB")
    multiple = not isinstance(net, (FluxControlNetModel, SD3ControlNetModel))
    usual = {
        "latents": packed(latent) if flux else latent,
        "control_image": [image, image] if multiple else image,
    }
    return expected(again, **{**usual, **options})


FIELDS = [{}, {"weight": 0.6}, {"start": 0.3}, {"end": 0.6}]


def in_diffusers(fields: Fields) -> Fields:
    return {
        "controlnet_conditioning_scale": fields.get("weight", 1.0),
        "control_guidance_start": fields.get("start", 0.0),
        "control_guidance_end": fields.get("end", 1.0),
    }


@pytest.mark.parametrize("fields", FIELDS)
def test_one_of_flux_steers_as_in_diffusers(
    flux: Pair, hint: Path, tmp_path: Path, fields: Fields
) -> None:
    net = flux_net(flux[1])
    info = saved(net, tmp_path, "canny")
    assert (info.network, info.base, info.kinds) == ("flux", "FLUX", ())
    ours = packed(steered(flux, hint, (info, fields), distilled_guidance_scale=2.5))
    options = {"guidance_scale": 2.5, **in_diffusers(fields)}
    assert_close(ours, theirs(FluxControlNetPipeline, flux, net, hint, **options))
    plain = packed(drawn(flux[0], distilled_guidance_scale=2.5))
    assert not torch.allclose(ours, plain, atol=1e-2)


def test_two_of_flux_add_up_as_in_diffusers(flux: Pair, hint: Path, tmp_path: Path) -> None:
    nets = [flux_net(flux[1]), flux_net(flux[1], 4)]
    uses = [(saved(nets[0], tmp_path, "a"), {"weight": 0.7}), (saved(nets[1], tmp_path, "b"), {"end": 0.6})]  # fmt: skip
    ours = packed(steered(flux, hint, *uses, distilled_guidance_scale=2.5))
    both = FluxMultiControlNetModel(nets)
    options: Fields = {
        "guidance_scale": 2.5, "controlnet_conditioning_scale": [0.7, 1.0], "control_guidance_end": [1.0, 0.6],
    }  # fmt: skip
    assert_close(ours, theirs(FluxControlNetPipeline, flux, both, hint, **options))


@pytest.mark.parametrize("kind", ["depth", "edges"])
def test_a_union_of_flux_is_told_the_kind_of_its_picture(
    flux: Pair, hint: Path, tmp_path: Path, kind: str
) -> None:
    net = flux_net(flux[1], num_mode=MODES, guidance_embeds=False)
    info = saved(net, tmp_path, "union")
    assert info.kinds == kinds_of(MODES, FLUX_KINDS)
    ours = packed(steered(flux, hint, (info, {"kind": kind}), distilled_guidance_scale=3.5))
    options = {"guidance_scale": 3.5, "control_mode": type_of(kind, FLUX_KINDS)}
    assert_close(ours, theirs(FluxControlNetPipeline, flux, net, hint, **options))
    other = "depth" if kind == "edges" else "edges"
    again = packed(steered(flux, hint, (info, {"kind": other}), distilled_guidance_scale=3.5))
    assert not torch.allclose(again, ours, atol=1e-4)


def test_one_of_xlabs_reads_the_picture_itself(folder: Path, hint: Path, tmp_path: Path) -> None:
    pipeline = tiny_flux(layers=(3, 2), vae=tiny_vae_of((8, 16, 16, 16)))  # eight pixels a cell
    both = pair(folder / "flux-xlabs", pipeline)
    options: Fields = {
        "num_single_layers": 0,
        "patch_size": 2,
        "conditioning_embedding_channels": 4,
    }
    net = flux_net(pipeline, **options)
    ours = packed(steered(both, hint, (saved(net, tmp_path, "xlabs"), {"weight": 0.8})))
    options = {"guidance_scale": 3.5, "controlnet_conditioning_scale": 0.8}
    assert_close(ours, theirs(FluxControlNetPipeline, both, net, hint, **options))


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("maker", ["instantx", "stability"])
def test_one_of_stable_diffusion_3_steers_as_in_diffusers(
    sd3: Pair, hint: Path, tmp_path: Path, maker: str, fields: Fields
) -> None:
    blind: Fields = {
        "joint_attention_dim": None, "use_pos_embed": False, "force_zeros_for_pooled_projection": False,
        "dual_attention_layers": (), "qk_norm": None,
    }  # fmt: skip
    net = sd3_net(sd3[1], **(blind if maker == "stability" else {}))
    info = saved(net, tmp_path, maker)
    assert (info.network, info.base) == ("sd3", "SD 3")
    ours = steered(sd3, hint, (info, fields), guidance_scale=4.5)
    options = {"guidance_scale": 4.5, "negative_prompt": NEGATIVE, **in_diffusers(fields)}
    assert_close(ours, theirs(StableDiffusion3ControlNetPipeline, sd3, net, hint, **options))
    assert not torch.allclose(ours, drawn(sd3[0], guidance_scale=4.5), atol=1e-2)


@pytest.mark.parametrize("is_told", [True, False], ids=["config", "weights alone"])
def test_one_for_inpainting_of_stable_diffusion_3_steers_as_in_diffusers(
    sd3: Pair, hint: Path, tmp_path: Path, is_told: bool
) -> None:
    net = sd3_net(sd3[1], extra_conditioning_channels=1)
    info = saved(net, tmp_path, "fill")
    if not is_told:  # as alimama's, whose configuration does not speak of its mask
        config = tmp_path / "fill" / "config.json"
        said = json.loads(config.read_text())
        del said["extra_conditioning_channels"]
        config.write_text(json.dumps(said))
        again = describe_controlnet(tmp_path / "fill", AdapterId("fill"))
        assert again is not None
        info = again
    assert (info.network, info.reads) == ("sd3", "inpaint")
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, (0, 0, SIDE // 2, SIDE // 2 + 8))
    picture = Image.open(hint).convert("RGB")
    picture.putalpha(ImageOps.invert(mask))
    (tmp_path / "open").mkdir()
    picture.save(tmp_path / "open" / "hint.png")
    ours = steered(sd3, tmp_path / "open" / "hint.png", (info, {}), guidance_scale=4.5)
    options: Fields = {"guidance_scale": 4.5, "negative_prompt": NEGATIVE, "control_mask": mask}
    kind = StableDiffusion3ControlNetInpaintingPipeline
    assert_close(ours, theirs(kind, sd3, net, hint, **options))
    whole = steered(sd3, hint, (info, {}), guidance_scale=4.5)
    assert not torch.allclose(ours, whole, atol=1e-3)


def test_two_of_stable_diffusion_3_add_up_as_in_diffusers(
    sd3: Pair, hint: Path, tmp_path: Path
) -> None:
    nets = [sd3_net(sd3[1]), sd3_net(sd3[1], 4)]
    uses = [(saved(nets[0], tmp_path, "a"), {"weight": 0.7}), (saved(nets[1], tmp_path, "b"), {"start": 0.3})]  # fmt: skip
    ours = steered(sd3, hint, *uses, guidance_scale=4.5)
    both = SD3MultiControlNetModel(nets)
    options: Fields = {
        "guidance_scale": 4.5, "negative_prompt": NEGATIVE,
        "controlnet_conditioning_scale": [0.7, 1.0], "control_guidance_start": [0.0, 0.3],
    }  # fmt: skip
    assert_close(ours, theirs(StableDiffusion3ControlNetPipeline, sd3, both, hint, **options))


def test_a_mask_says_where_it_steers_and_odd_sizes_are_drawn(
    flux: Pair, hint: Path, tmp_path: Path
) -> None:
    model, pipeline = flux
    info = saved(flux_net(pipeline), tmp_path, "canny")
    Image.new("L", (SIDE, SIDE), 0).save(tmp_path / "nowhere.png")
    rig, plain = Rig(model), drawn(model)
    files = {"hint": hint, "nowhere": tmp_path / "nowhere.png"}
    use = {"adapter": info.id, "image": image_id(hint), "mask": image_id(files["nowhere"])}
    nowhere = drawn(model, adapters=(info,), files=files, controls=[use])
    assert torch.allclose(nowhere, plain, atol=1e-5)
    del use["mask"]
    rig.finish(
        order(model.checkpoint, sampler="Euler", steps=2, width=72, height=88, guidance_scale=1.0,
              adapters=(info,), files=files, controls=[use])
    )  # fmt: skip
    assert rig.ends() == {"job": "done"}, rig.error("job")


def test_one_for_another_network_fails_its_job_with_a_sentence(
    flux: Pair, sd3: Pair, hint: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    for net in (sd3_net(sd3[1]), flux_net(flux[1], num_attention_heads=1)):
        info = saved(net, tmp_path, f"net{len(said)}")
        rig = Rig(flux[0])
        use = {"adapter": info.id, "image": image_id(hint)}
        rig.finish(
            order(flux[0].checkpoint, adapters=(info,), files={"hint": hint}, controls=[use])
        )
        said.append(rig.error("job"))
    assert "steers the transformer of Stable Diffusion 3, and this model has none" in said[0]
    assert "is made for another model" in said[1]
