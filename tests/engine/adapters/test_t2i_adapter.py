from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.adapter import T2IAdapter
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.t2i_adapter.pipeline_stable_diffusion_adapter import (
    StableDiffusionAdapterPipeline,
)
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.drive import drive
from tests.engine.library import save_picture
from tests.engine.rig import Rig, image_id, order
from tests.engine.tiny import TinySizes, write_tiny, write_tiny_control
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.engine.adapters.control import Control, Unit, load_steerer, residuals
from webui.engine.adapters.controlnet import Inputs, load_control
from webui.engine.adapters.t2i_adapter import LoadedT2iAdapter, load_t2i_adapter
from webui.engine.execute import execute
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream
from webui.engine.programs import PictureOrder, program_for
from webui.engine.work import DecodeLatent, Kept, Predict, Work
from webui.services.control_files import describe_control_file

CPU = torch.device("cpu")
STEPS = 5
KINDS = {
    "full_adapter": ([16, 16], 2),
    "full_adapter_xl": ([16, 32, 32, 32], 4),
    "light_adapter": ([16], 2),
}
"""Channels, and pixels along a side that become one place: for the tiny models below."""


def network(kind: str, seed: int = 0, **sizes: Any) -> T2IAdapter:
    channels, cell = KINDS[kind]
    given = {"channels": channels, "downscale_factor": cell, "num_res_blocks": 2, **sizes}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net: T2IAdapter = T2IAdapter(adapter_type=kind, **given)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.15)
    return net.eval()


def written(path: Path, net: T2IAdapter) -> AdapterInfo:
    net.save_pretrained(path)
    return AdapterInfo(AdapterId(path.name), "controlnet", "t2i", str(path), 1, is_t2i=True)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    """One whose first block has cross-attention, as SD has it, and one without, as SDXL has it."""
    folder = tmp_path_factory.mktemp("models")
    plain = write_tiny(folder / "plain", TinySizes(unet_channels=(16, 32, 32)))
    early = write_tiny(folder / "early", TinySizes(unet_channels=(16, 16)))
    path = Path(early.path) / "unet"
    config = dict(UNet2DConditionModel.load_config(path))
    config["down_block_types"] = ("CrossAttnDownBlock2D", "DownBlock2D")
    config["up_block_types"] = ("UpBlock2D", "CrossAttnUpBlock2D")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        UNet2DConditionModel.from_config(config).save_pretrained(path)
    return {"xl": load_model(plain, CPU), "sd": load_model(early, CPU)}


def model_for(kind: str, models: dict[str, LoadedModel]) -> LoadedModel:
    return models["xl" if kind == "full_adapter_xl" else "sd"]


@pytest.fixture
def hint(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "hint.png")


def use(info: AdapterInfo, hint: Path, **fields: float) -> dict[str, Any]:
    return {"adapter": info.id, "image": image_id(hint), **fields}


def latent_of(
    model: LoadedModel, hint: Path, *uses: tuple[AdapterInfo, dict[str, float]], **request: Any
) -> Tensor:
    """The latent that the program hands to the first stage."""
    controls = [use(info, hint, **fields) for info, fields in uses]
    job = order(
        model.checkpoint, files={"hint": hint}, adapters=tuple(info for info, _ in uses),
        controls=controls, sampler="Euler", steps=STEPS, guidance_scale=3, **request,
    )  # fmt: skip
    latents: list[Tensor] = []

    def answer(work: Work) -> object:
        if isinstance(work, DecodeLatent):
            latents.append(work.latent)
        return execute([work])[0]

    adapters: dict[Any, Unit] = {info.id: load_steerer(info, CPU) for info, _ in uses}
    picture = PictureOrder(job.request, 0, {image_id(hint): hint}, {**adapters})
    with torch.inference_mode():
        drive(program_for(job.request, model.checkpoint)(picture, model), answer)
    return latents[0]


def diffusers_latent(
    model: LoadedModel, hint: Path, uses: list[tuple[AdapterInfo, float]]
) -> Tensor:
    nets = [T2IAdapter.from_pretrained(info.path) for info, _ in uses]
    weights = [weight for _, weight in uses]
    pixels = torch.from_numpy(np.asarray(Image.open(hint), np.float32) / 255)
    image = pixels.permute(2, 0, 1)[None]
    several = len(nets) > 1
    pipeline = StableDiffusionAdapterPipeline.from_pretrained(
        model.checkpoint.path, adapter=nets if several else nets[0], torch_dtype=torch.float32,
        safety_checker=None, requires_safety_checker=False, feature_extractor=None,
    )  # fmt: skip
    config = {**pipeline.scheduler.config, "timestep_spacing": "linspace"}
    pipeline.scheduler = EulerDiscreteScheduler.from_config(config)
    result: Tensor = pipeline(
        "a house", [image] * len(nets) if several else image, 32, 32, STEPS, guidance_scale=3,
        output_type="latent", latents=NoiseStream(7, (1, 4, 16, 16), CPU)(),
        adapter_conditioning_scale=weights if several else weights[0],
    ).images  # fmt: skip
    return result


@pytest.mark.parametrize(
    ("kind", "weight"), [(kind, 1.0) for kind in KINDS] + [("full_adapter", 0.6)]
)
def test_diffusers_arrives_at_the_same_latent(
    models: dict[str, LoadedModel], hint: Path, tmp_path: Path, kind: str, weight: float
) -> None:
    model = model_for(kind, models)
    info = written(tmp_path / "net", network(kind))
    ours = latent_of(model, hint, (info, {"weight": weight}))
    assert torch.allclose(ours, diffusers_latent(model, hint, [(info, weight)]), atol=1e-4)
    assert not torch.allclose(ours, latent_of(model, hint), atol=1e-2)


def test_two_add_up_as_in_diffusers(
    models: dict[str, LoadedModel], hint: Path, tmp_path: Path
) -> None:
    uses = [
        (written(tmp_path / str(seed), network("full_adapter", seed)), 0.4 + seed)
        for seed in (0, 1)
    ]
    ours = latent_of(models["sd"], hint, *((info, {"weight": weight}) for info, weight in uses))
    assert torch.allclose(ours, diffusers_latent(models["sd"], hint, uses), atol=1e-4)


def steered(rig: Rig) -> list[int]:
    """How many controls each step had."""
    return [len(work.controls) for work in rig.works(Predict)]


def test_it_steers_between_its_start_and_its_end_only(
    models: dict[str, LoadedModel], hint: Path, tmp_path: Path
) -> None:
    info = written(tmp_path / "net", network("full_adapter"))
    rig = Rig(models["sd"])
    controls = [use(info, hint, start=0.2, end=0.6)]
    rig.finish(
        order(
            models["sd"].checkpoint, files={"hint": hint}, adapters=(info,), controls=controls,
            sampler="Euler", steps=STEPS,
        )
    )  # fmt: skip
    assert steered(rig) == [0, 1, 1, 0, 0]


def prediction(model: LoadedModel, *controls: Control, rows: int = 2, seed: int = 0) -> Predict:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, 16, 16, generator=generator)
    return Predict(
        model, x, 500.0, torch.randn(rows, 77, 16, generator=generator), controls=controls
    )


def answer(*works: Predict) -> list[Tensor]:
    return [each for each in execute(works) if isinstance(each, Tensor)]


def test_a_controlnet_beside_it_is_heard_too(
    models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    model = models["sd"]
    t2i = load_t2i_adapter(written(tmp_path / "t2i", network("full_adapter")), CPU)
    net = load_control(write_tiny_control(tmp_path / "control", model.checkpoint), CPU)
    hint = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    a, b = Control(t2i, hint, 1.0), Control(net, hint, 1.0)
    (both,) = answer(prediction(model, a, b))
    for lone in ((a,), (b,), ()):
        assert not torch.allclose(both, answer(prediction(model, *lone))[0], atol=1e-3)
    assert torch.allclose(both, answer(prediction(model, b, a))[0], atol=1e-6)


def test_works_of_other_pictures_and_weights_share_a_pass(
    models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    net = load_t2i_adapter(written(tmp_path / "t2i", network("full_adapter")), CPU)
    hints = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    works = [
        prediction(models["sd"], Control(net, each, 0.5 + i), rows=1 + i, seed=i)
        for i, each in enumerate(hints)
    ]
    together = answer(*works)
    for work, mine in zip(works, together, strict=True):
        assert torch.allclose(mine, answer(work)[0], atol=1e-5)


def test_a_pass_that_reuses_its_own_features_is_the_whole_pass(
    models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    net = load_t2i_adapter(written(tmp_path / "t2i", network("full_adapter")), CPU)
    work = prediction(models["sd"], Control(net, torch.rand(1, 3, 32, 32), 0.8))
    kept = Kept()
    (whole,) = answer(replace(work, keep=kept))
    (reused,) = answer(replace(work, reuse=kept.features))
    assert torch.allclose(whole, reused, atol=1e-6)


@pytest.mark.parametrize("kind", ["t2i", "control"])
def test_it_says_something_within_its_mask_alone(
    models: dict[str, LoadedModel], tmp_path: Path, kind: str
) -> None:
    model = models["sd"]
    if kind == "t2i":
        net: Any = load_t2i_adapter(written(tmp_path / "a", network("full_adapter")), CPU)
    else:
        net = load_control(write_tiny_control(tmp_path / "control", model.checkpoint), CPU)
    there = torch.zeros(1, 1, 16, 16)
    there[..., 8:] = 1
    shown = torch.rand(1, 3, 16 * net.factor, 16 * net.factor)
    control = Control(net, shown, 1.0, mask=there)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 16, 16, generator=generator)
    tokens = torch.randn(1, 77, 16, generator=generator)
    inputs = Inputs(x, torch.tensor([500.0]), tokens)

    def said(control: Control) -> list[Tensor]:
        given = residuals([(control,)], [(False,)], inputs, torch.float32, reuses=False)
        return [
            t for value in given.values() for t in (value if isinstance(value, list) else [value])
        ]

    for masked, whole in zip(said(control), said(replace(control, mask=None)), strict=True):
        half = masked.shape[-1] // 2
        assert not masked[..., :half].any()
        assert torch.allclose(masked[..., half:], whole[..., half:])
        assert whole[..., :half].any()


def test_a_picture_is_read_once(models: dict[str, LoadedModel], tmp_path: Path) -> None:
    net = load_t2i_adapter(written(tmp_path / "t2i", network("full_adapter")), CPU)
    reads: list[object] = []
    net.net.register_forward_hook(lambda *_: reads.append(None))
    work = prediction(models["sd"], Control(net, torch.rand(1, 3, 32, 32), 1.0))
    answer(work)
    answer(work)
    assert len(reads) == 1


def test_a_picture_of_odd_size_is_continued_at_its_edges(tmp_path: Path) -> None:
    net = load_t2i_adapter(written(tmp_path / "t2i", network("full_adapter_xl")), CPU)
    shapes = [said.shape[2:] for said in net.features(torch.rand(1, 3, 18, 22))]
    assert [tuple(shape) for shape in shapes] == [(5, 6), (5, 6), (3, 3), (3, 3)]


def test_one_that_reads_grey_is_shown_the_mean_of_the_colours(tmp_path: Path) -> None:
    net = load_t2i_adapter(written(tmp_path / "t2i", network("full_adapter", in_channels=1)), CPU)
    picture = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        theirs = net.net(picture.mean(1, keepdim=True))
        ours = net.features(picture)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_one_for_another_model_fails_its_job_only(
    models: dict[str, LoadedModel], hint: Path, tmp_path: Path
) -> None:
    info = written(tmp_path / "net", network("full_adapter"))
    rig = Rig(models["xl"])
    model = models["xl"].checkpoint
    controls = [use(info, hint)]
    misfit = order(model, "misfit", files={"hint": hint}, adapters=(info,), controls=controls)
    rig.finish(misfit, order(model, "plain"))
    assert rig.ends() == {"misfit": "failed", "plain": "done"}
    assert "is made for another model" in rig.error("misfit")


def in_original(name: str, kind: str) -> str:
    """A tensor's name in the original code, of two residual blocks a level."""
    if kind == "light_adapter":
        return name.replace(".resnets.", ".body.")
    head, level, rest = [*name.split(".", 2), "", ""][:3]
    if head != "body":
        return name
    if rest.startswith("in_conv."):
        return f"body.{2 * int(level)}.{rest}"
    _, layer, own = rest.split(".", 2)
    return f"body.{2 * int(level) + int(layer)}.{own}"


@pytest.mark.parametrize("layout", ["original", "diffusers", "bare"])
@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("full_adapter", {"channels": [8, 16, 16], "downscale_factor": 8}),
        ("full_adapter", {"channels": [8, 16], "downscale_factor": 8, "in_channels": 1}),
        ("full_adapter_xl", {"channels": [8, 16, 24, 24], "downscale_factor": 16}),
        ("light_adapter", {"channels": [8, 16], "downscale_factor": 8, "num_res_blocks": 4}),
    ],
)
def test_a_single_file_of_any_layout_says_what_diffusers_network_says(
    tmp_path: Path, kind: str, sizes: dict[str, Any], layout: str
) -> None:
    net = network(kind, **sizes)
    state = dict(net.adapter.state_dict())
    if layout == "original":
        state = {in_original(name, kind): tensor for name, tensor in state.items()}
    if layout == "diffusers":
        state = {f"adapter.{name}": tensor for name, tensor in state.items()}
    save_file(state, tmp_path / "a.safetensors")
    info = describe_control_file(tmp_path / "a.safetensors", AdapterId("a"))
    assert (info.kind, info.is_t2i) == ("controlnet", True)
    loaded = load_steerer(info, CPU)
    assert isinstance(loaded, LoadedT2iAdapter)
    assert (loaded.factor, loaded.net.config.adapter_type) == (8, kind)
    picture = torch.rand(1, loaded.colours, 64, 64)
    with torch.inference_mode():
        ours, theirs = loaded.features(picture), net(picture)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_damaged_files_are_a_broken_model(tmp_path: Path, damage: str) -> None:
    info = written(tmp_path / "net", network("full_adapter"))
    file = tmp_path / "net" / "diffusion_pytorch_model.safetensors"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(BrokenModel, match="The T2I-Adapter 'net'"):
        load_t2i_adapter(info, CPU)
