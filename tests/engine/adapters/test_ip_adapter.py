"""A picture as a prompt: what diffusers draws with the same files is what is drawn here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from PIL import Image
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.clip.modeling_clip import CLIPVisionModelWithProjection

from tests.engine.adapters.ip_files import SIDE, IpSizes, write_encoder, write_ip_adapter
from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.library import save_picture
from tests.engine.rig import Rig, image_id, order
from tests.engine.tiny import TinySizes, write_tiny, write_tiny_control
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.engine.adapters.control import Control
from webui.engine.adapters.controlnet import load_control
from webui.engine.adapters.image_encoder import LoadedImageEncoder, load_image_encoder
from webui.engine.adapters.ip_adapter import LoadedIpAdapter, load_ip_adapter
from webui.engine.execute import execute
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.splitting import split
from webui.engine.work import DecodeLatent, Kept, Predict, ReadPicture

CPU = torch.device("cpu")
STEPS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ip")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> AdapterInfo:
    return write_encoder(folder / "image_encoders" / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    sizes = TinySizes(unet_channels=(16, 32, 32), hidden=16)
    return load_model(write_tiny(folder / "sd", sizes), CPU)


@pytest.fixture(scope="module")
def xl(folder: Path) -> LoadedModel:
    return load_model(write_tiny_xl(folder / "xl"), CPU)


@pytest.fixture(scope="module")
def picture(folder: Path) -> Path:
    path = save_picture(folder / "picture.png")
    Image.open(path).resize((90, 61), Image.Resampling.BICUBIC).save(path)
    return path


def use(info: AdapterInfo, picture: Path, **fields: Any) -> dict[str, Any]:
    return {"adapter": info.id, "image": image_id(picture), **fields}


def command(
    model: LoadedModel,
    picture: Path,
    infos: list[AdapterInfo],
    *fields: dict[str, Any],
    **more: Any,
) -> Any:
    """An order with these IP-Adapters, of whose infos the last is the encoder."""
    controls = [
        use(info, picture, **said)
        for info, said in zip(infos[:-1], fields or [{}] * len(infos), strict=False)
    ]
    usual = {"sampler": "Euler", "schedule": "Uniform", "steps": STEPS, "guidance_scale": 3.0}
    return order(
        model.checkpoint, files={"picture": picture}, adapters=tuple(infos), controls=controls,
        **{**usual, **more},
    )  # fmt: skip


def drawn(rig: Rig, *orders: Any) -> list[Tensor]:
    rig.finish(*orders)
    for job, end in rig.ends().items():
        assert end == "done", rig.error(job)
    return [work.latent for work in rig.works(DecodeLatent)]


def diffusers_latent(
    kind: Any, model: LoadedModel, picture: Path, encoder: AdapterInfo,
    uses: list[tuple[AdapterInfo, float]], side: int, prompt: str = "a house",
    masks: list[Tensor] | None = None,
) -> Tensor:  # fmt: skip
    parts: dict[str, Any] = {
        "image_encoder": CLIPVisionModelWithProjection.from_pretrained(encoder.path),
        "feature_extractor": CLIPImageProcessorPil(size=SIDE, crop_size=SIDE),
    }
    if kind is StableDiffusionPipeline:
        parts |= {"safety_checker": None, "requires_safety_checker": False}
    pipeline = kind.from_pretrained(model.checkpoint.path, torch_dtype=torch.float32, **parts)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = EulerDiscreteScheduler.from_config(
        {**pipeline.scheduler.config, "timestep_spacing": "linspace"}
    )
    files = [Path(info.path) for info, _ in uses]
    pipeline.load_ip_adapter(
        str(files[0].parent), subfolder="", weight_name=[file.name for file in files],
        image_encoder_folder=None, local_files_only=True,
    )  # fmt: skip
    pipeline.set_ip_adapter_scale([weight for _, weight in uses])
    noise = NoiseStream(7, model.latent_shape(side, side), CPU)()
    image = Image.open(picture).convert("RGB")
    latent: Tensor = pipeline(
        prompt, height=side, width=side, num_inference_steps=STEPS, guidance_scale=3.0,
        output_type="latent", latents=noise, ip_adapter_image=[image] * len(uses),
        cross_attention_kwargs=None if masks is None else {"ip_adapter_masks": masks},
    ).images  # fmt: skip
    return latent


@pytest.mark.parametrize(
    ("layout", "weight", "ending"),
    [("plain", 1.0, "safetensors"), ("plain", 0.4, "bin"), ("plus", 0.8, "bin"), ("full", 1.0, "safetensors")],
)  # fmt: skip
def test_diffusers_arrives_at_the_same_latent(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path,
    layout: str, weight: float, ending: str,
) -> None:  # fmt: skip
    info = write_ip_adapter(tmp_path / f"a.{ending}", model, IpSizes(layout))
    rig = Rig(model)
    (ours,) = drawn(rig, command(model, picture, [info, encoder], {"weight": weight}))
    theirs = diffusers_latent(
        StableDiffusionPipeline, model, picture, encoder, [(info, weight)], 32
    )
    assert torch.allclose(ours, theirs, atol=1e-4)
    (plain,) = drawn(Rig(model), command(model, picture, [encoder]))
    assert not torch.allclose(ours, plain, atol=1e-2)


@pytest.mark.parametrize("layout", ["plain", "plus"])
def test_that_of_an_sdxl_model_is_diffusers_too(
    xl: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path, layout: str
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", xl, IpSizes(layout))
    more = {"width": 64, "height": 64, "prompt": "a red house"}
    (ours,) = drawn(Rig(xl), command(xl, picture, [info, encoder], {"weight": 0.7}, **more))
    theirs = diffusers_latent(
        StableDiffusionXLPipeline, xl, picture, encoder, [(info, 0.7)], 64, "a red house"
    )
    # Untrained networks let latents grow far beyond unit variance.
    assert float((ours - theirs).abs().max()) < 1e-4 * max(1.0, float(theirs.std()))
    (plain,) = drawn(Rig(xl), command(xl, picture, [encoder], **more))
    assert not torch.allclose(ours, plain, atol=1e-2)


def test_two_add_up_as_in_diffusers(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    kinds = [IpSizes("plain"), IpSizes("plus", tokens=6, seed=1)]
    infos = [write_ip_adapter(tmp_path / f"{k.layout}.safetensors", model, k) for k in kinds]
    weights = [{"weight": 0.5}, {"weight": 0.9}]
    (ours,) = drawn(Rig(model), command(model, picture, [*infos, encoder], *weights))
    uses = [(infos[0], 0.5), (infos[1], 0.9)]
    theirs = diffusers_latent(StableDiffusionPipeline, model, picture, encoder, uses, 32)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_each_acts_within_its_mask_as_in_diffusers(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    kinds = [IpSizes("plain"), IpSizes("plus", tokens=6, seed=1)]
    infos = [write_ip_adapter(tmp_path / f"{k.layout}.safetensors", model, k) for k in kinds]
    halves = [Image.new("L", (32, 32)) for _ in infos]
    halves[0].paste(255, (0, 0, 16, 32))
    halves[1].paste(255, (0, 16, 32, 32))
    files = {}
    for name, half in zip(("left", "below"), halves, strict=True):
        files[name] = tmp_path / f"{name}.png"
        half.save(files[name])
    fields = [{"mask": image_id(file)} for file in files.values()]
    job = command(model, picture, [*infos, encoder], *fields)
    job = replace(job, images={**job.images, **{str(image_id(f)): str(f) for f in files.values()}})
    (ours,) = drawn(Rig(model), job)
    # Theirs takes samples of a mask rather than means, so it is given one of many pixels.
    large = [torch.from_numpy(np.array(half.resize((512, 512), 0))) / 255 for half in halves]
    masks = [mask[None, None].float() for mask in large]
    uses = [(info, 1.0) for info in infos]
    theirs = diffusers_latent(
        StableDiffusionPipeline, model, picture, encoder, uses, 32, masks=masks
    )
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_a_job_without_a_mask_shares_a_pass_with_one_that_has_one(
    model: LoadedModel, net: LoadedIpAdapter, eye: LoadedImageEncoder
) -> None:
    there = torch.zeros(1, 1, 16, 16)
    there[..., :8] = 1
    works = [
        prediction(model, Control(net, hint(eye, i), 1.0, mask=mask), seed=i)
        for i, mask in enumerate((None, there, torch.zeros(1, 1, 16, 16)))
    ]
    for work, mine in zip(works, answer(*works), strict=True):
        assert torch.allclose(mine, answer(work)[0], atol=1e-5)
    assert torch.equal(answer(works[2])[0], answer(replace(works[2], controls=()))[0])


def test_it_acts_between_its_start_and_its_end_only(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    rig = Rig(model)
    drawn(rig, command(model, picture, [info, encoder], {"start": 0.2, "end": 0.6}))
    assert [len(work.controls) for work in rig.works(Predict)] == [0, 1, 1, 0, 0]


def test_a_picture_is_looked_at_once_for_all_jobs(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model, IpSizes("plus"))
    rig = Rig(model)
    for job in ("one", "two"):
        drawn(rig, replace_id(command(model, picture, [info, encoder], count=2), job))
    assert len(rig.works(ReadPicture)) == 1


def replace_id(order: Any, job: str) -> Any:
    return replace(order, job_id=job)


def test_the_model_is_as_it_was_afterwards_to_the_bit(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    (before,) = drawn(Rig(model), command(model, picture, [encoder]))
    drawn(Rig(model), command(model, picture, [info, encoder]))
    (after,) = drawn(Rig(model), command(model, picture, [encoder]))
    assert torch.equal(before, after)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.unet.modules())


def test_a_weight_of_zero_is_no_adapter(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    (off,) = drawn(Rig(model), command(model, picture, [info, encoder], {"weight": 0.0}))
    (none,) = drawn(Rig(model), command(model, picture, [encoder]))
    assert torch.equal(off, none)


@pytest.fixture(scope="module")
def net(folder: Path, model: LoadedModel) -> LoadedIpAdapter:
    return load_ip_adapter(write_ip_adapter(folder / "a.safetensors", model), CPU)


@pytest.fixture(scope="module")
def eye(encoder: AdapterInfo) -> LoadedImageEncoder:
    return load_image_encoder(encoder, CPU)


def hint(eye: LoadedImageEncoder, seed: int) -> Tensor:
    """What the encoder says of some picture."""
    pixels = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return eye.says(pixels, patches=False)


def prediction(model: LoadedModel, *controls: Control, rows: int = 2, seed: int = 0) -> Predict:
    """Of which the last row is the negative prompt's, where there are several."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, 16, 16, generator=generator)
    tokens = torch.randn(rows, 77, 16, generator=generator)
    negative = (*[False] * (rows - 1), rows > 1)
    return Predict(model, x, 500.0, tokens, controls=controls, negative=negative)


def answer(*works: Predict) -> list[Tensor]:
    return [each for each in execute(works) if isinstance(each, Tensor)]


def test_jobs_of_other_pictures_and_weights_share_a_pass(
    model: LoadedModel, net: LoadedIpAdapter, eye: LoadedImageEncoder
) -> None:
    works = [
        prediction(model, Control(net, hint(eye, i), 0.5 + i), rows=1 + i, seed=i) for i in range(3)
    ]
    for work, mine in zip(works, answer(*works), strict=True):
        assert torch.allclose(mine, answer(work)[0], atol=1e-5)
        bare = replace(work, controls=())
        assert not torch.allclose(mine, answer(bare)[0], atol=1e-3)


def test_rows_that_do_not_fit_together_are_the_same_apart(
    model: LoadedModel, net: LoadedIpAdapter, eye: LoadedImageEncoder
) -> None:
    work = prediction(model, Control(net, hint(eye, 0), 1.0))
    parts = split(work)
    assert parts is not None
    halves = [answer(part)[0] for part in parts.parts if isinstance(part, Predict)]
    assert torch.allclose(answer(work)[0], torch.cat(halves), atol=1e-5)


def test_a_pass_that_reuses_its_own_features_is_the_whole_pass(
    model: LoadedModel, net: LoadedIpAdapter, eye: LoadedImageEncoder
) -> None:
    work, kept = prediction(model, Control(net, hint(eye, 0), 1.0)), Kept()
    (whole,) = answer(replace(work, keep=kept))
    (reused,) = answer(replace(work, reuse=kept.features))
    assert torch.allclose(whole, reused, atol=1e-6)


def test_a_controlnet_beside_it_is_heard_too(
    model: LoadedModel, net: LoadedIpAdapter, eye: LoadedImageEncoder, tmp_path: Path
) -> None:
    control = load_control(write_tiny_control(tmp_path / "control", model.checkpoint), CPU)
    a = Control(net, hint(eye, 0), 1.0)
    b = Control(control, torch.rand(1, 3, 32, 32), 1.0)
    (both,) = answer(prediction(model, a, b))
    for lone in ((a,), (b,), ()):
        assert not torch.allclose(both, answer(prediction(model, *lone))[0], atol=1e-3)


def test_perturbed_guidance_sees_the_picture_of_the_prompt(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    rig = Rig(model)
    drawn(rig, command(model, picture, [info, encoder], pag_scale=2.0))
    assert {work.negative for work in rig.works(Predict)} == {(False, True, False)}


def test_self_attention_guidance_asks_the_negative_row_as_one(
    model: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    rig = Rig(model)
    drawn(rig, command(model, picture, [info, encoder], sag_scale=0.5))
    assert {work.negative for work in rig.works(Predict)} == {(False, True), (True,)}


def test_one_for_another_model_fails_its_job_only(
    model: LoadedModel, xl: LoadedModel, encoder: AdapterInfo, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", xl)
    rig = Rig(model)
    misfit = replace_id(command(model, picture, [info, encoder]), "misfit")
    rig.finish(misfit, order(model.checkpoint, "plain"))
    assert rig.ends() == {"misfit": "failed", "plain": "done"}
    assert "for text of width 40; this model has" in rig.error("misfit")


def test_a_job_without_the_image_encoder_says_so(
    model: LoadedModel, picture: Path, tmp_path: Path
) -> None:
    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, files={"picture": picture}, adapters=(info,), controls=[use(info, picture)])
    )  # fmt: skip
    assert "no image encoder for the IP-Adapter 'ipadapter/a'" in rig.error("job")


def test_an_encoder_of_weights_alone_is_one_of_sixteen_heads(
    encoder: AdapterInfo, tmp_path: Path
) -> None:
    bare = tmp_path / "b.safetensors"
    bare.write_bytes((Path(encoder.path) / "model.safetensors").read_bytes())
    net: Any = load_image_encoder(replace(encoder, path=str(bare)), CPU).net
    assert (net.config.num_attention_heads, net.config.hidden_act) == (16, "quick_gelu")


def test_no_picture_is_looked_at_once(encoder: AdapterInfo) -> None:
    eye = load_image_encoder(encoder, CPU)
    looks: list[object] = []
    eye.net.register_forward_hook(lambda *_: looks.append(None))
    pixels = torch.rand(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        first, second = eye.says(pixels, patches=True), eye.says(-pixels, patches=True)
    assert len(looks) == 3
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], second[0])


def test_of_a_long_strip_the_middle_is_seen_without_much_memory(eye: LoadedImageEncoder) -> None:
    strip = Image.new("RGB", (20_000, 2), "white")
    strip.paste("black", (9_000, 0, 11_000, 2))
    assert torch.allclose(eye.seen(strip), eye.seen(Image.new("RGB", (9, 9), "black")))


@pytest.mark.parametrize("missing", ["image_proj.norm.bias", "ip_adapter.3.to_v_ip.weight"])
def test_an_incomplete_file_is_a_broken_model(
    model: LoadedModel, tmp_path: Path, missing: str
) -> None:
    from safetensors.torch import load_file, save_file

    info = write_ip_adapter(tmp_path / "a.safetensors", model)
    state = load_file(info.path)
    del state[missing]
    save_file(state, info.path)
    with pytest.raises(BrokenModel, match="The IP-Adapter 'ipadapter/a' cannot be loaded"):
        load_ip_adapter(info, CPU)
