"""What only a GPU can show: its noise, its memory that runs out, and every way in which a model is in it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.engine.adapters.test_lora import written
from tests.engine.packed.reference import packed_q8_0
from tests.engine.rig import Rig, order
from tests.engine.test_stage import FAMILIES
from tests.studio import REPOSITORY
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.engine.acceleration import Acceleration, accelerate
from webui.engine.devices import choose_device, make_repeatable
from webui.engine.engine import EngineOptions
from webui.engine.extensions import WorkerExtensions
from webui.engine.families.registry import load_model
from webui.engine.memory import free_bytes
from webui.engine.model import LoadedModel
from webui.engine.noise import NoiseStream, philox
from webui.engine.packed.weight import PackedWeight
from webui.engine.shared_networks import SharedNetworks
from webui.engine.ways import APART, STREAMED, Ways
from webui.services.diffusers_folder import describe_folder

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
STARTER = REPOSITORY / "models" / "starter" / "text"
BLOCK = 512
"""Bytes that torch's allocator rounds up to."""
SPARE = 3 << 28
"""Bytes of the GPU that are left free beside a ballast: libraries have workspaces of their own."""


@pytest.fixture(autouse=True)
def memory_of_others() -> Iterator[None]:
    """Algorithms as in a worker, and nothing that a test left behind."""
    make_repeatable()
    yield
    gc.collect()
    torch.cuda.empty_cache()


def _ways(room_bytes: int = 0) -> Ways:
    """As a worker's, but that a streamed model has only so much room."""
    device = choose_device(cpu=False, budget_bytes=None)
    reserved = max(free_bytes(GPU) - room_bytes, 0)
    extensions = WorkerExtensions()
    return Ways(
        replace(device, working_bytes=reserved),
        SharedNetworks(),
        Acceleration(),
        lambda: extensions,
    )


def _drawn(model: LoadedModel, **fields: Any) -> NDArray[np.uint8]:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, width=64, height=64, negative_prompt="rain", **fields))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.pictures("job")[0]


def _weights(model: LoadedModel) -> Mapping[str, Tensor]:
    return {f"{i}.{k}": w for i, n in enumerate(model.networks) for k, w in n.named_parameters()}


@pytest.fixture(scope="module")
def starter() -> CheckpointInfo:
    return describe_folder(STARTER, ModelId("starter/text"))


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
@pytest.mark.parametrize("shape", [(1, 4, 8, 8), (1, 4, 64, 64), (1, 16, 129, 97)])
def test_the_noise_of_a_seed_is_the_cards_own(seed: int, shape: tuple[int, ...]) -> None:
    generator = torch.Generator(GPU).manual_seed(seed)
    own = torch.randn(shape, device=GPU, generator=generator).cpu().numpy()
    far = abs(NoiseStream(seed, shape, CPU)().numpy() - own).reshape(-1)
    worst = far / _rounding_of_the_card(seed, far.size)
    assert worst.max() <= 1, f"{far.max()} at most, {worst.max()} of what rounding explains"


def _rounding_of_the_card(seed: int, count: int) -> NDArray[np.float64]:
    """How far each value of the first draw may be off there, where Box-Muller runs in float32 (cuRAND).

    The first number, u in (0, 1), is rounded twice, which its logarithm makes larger where it is near 1; then
    come a logarithm, a root, a product and `__sincosf`, which is good to about 2^-20 up to 2 pi.
    """
    zeros = np.zeros(count, np.uint64)
    words = philox((zeros, zeros, np.arange(count, dtype=np.uint64), zeros), (seed, 0))
    u = (words[0] + 0.5) * 2.0**-32
    radius = np.sqrt(-2 * np.log(u))
    rounded = np.spacing(u.astype(np.float32)).astype(np.float64)
    first = np.sqrt(radius**2 + 2 * rounded / u) - radius
    bound: NDArray[np.float64] = first + (radius + 1) * 2.0**-20
    return bound


@pytest.mark.parametrize("name", FAMILIES)
def test_every_way_in_which_a_model_is_in_memory_draws_the_same(name: str, tmp_path: Path) -> None:
    checkpoint = FAMILIES[name](tmp_path)
    whole = _ways().whole(checkpoint)
    assert {weight.device for weight in _weights(whole).values()} == {GPU}
    wanted = [_drawn(whole, prompt=prompt) for prompt in ("a house", "a tree")]
    apart, streamed = _ways().apart(checkpoint), _ways().lean(checkpoint)
    assert apart.take_remarks() == [APART]
    assert streamed.take_remarks() == [STREAMED]
    assert apart.apart is not None
    apart.apart.stage.room_bytes = apart.bytes
    for model in (apart, streamed):
        for prompt, picture in zip(("a house", "a tree"), wanted, strict=True):
            far = abs(_drawn(model, prompt=prompt).astype(int) - picture).max()
            assert far <= 1, f"{far} of 255"


def test_a_streamed_model_takes_no_more_of_the_card_than_its_room(starter: CheckpointInfo) -> None:
    before = torch.cuda.memory_allocated()
    whole = _ways().whole(starter)
    taken = torch.cuda.memory_allocated() - before
    wanted = _drawn(whole)
    del whole
    gc.collect()
    before = torch.cuda.memory_allocated()
    streamed = _ways(taken // 3).lean(starter)
    assert torch.cuda.memory_allocated() - before <= taken // 3 + (1 << 20)
    assert abs(_drawn(streamed).astype(int) - wanted).max() <= 1
    gc.collect()
    assert torch.cuda.memory_allocated() - before <= taken // 3 + (4 << 20)


def test_networks_that_leave_give_their_memory_back(tmp_path: Path) -> None:
    model = _ways().apart(FAMILIES["SD 1, a file"](tmp_path))
    assert model.apart is not None
    stage = model.apart.stage
    stage.room_bytes = model.bytes
    before = torch.cuda.memory_allocated()
    for cast, others in (
        (model.apart.drawing, model.apart.reading),
        (model.apart.reading, model.apart.drawing),
    ):
        stage.bring(cast)
        gc.collect()
        weights = [weight for network in cast for weight in network.parameters()]
        blocks = stage.bytes_of(cast) + BLOCK * len(weights)
        assert stage.bytes_of(cast) <= torch.cuda.memory_allocated() - before <= blocks
        assert {weight.device for weight in weights} == {GPU}
        assert {w.device for network in others for w in network.parameters()} == {CPU}


@pytest.mark.parametrize("way", ["whole", "apart", "lean"])
def test_a_lora_comes_and_goes_to_the_bit(way: str, tmp_path: Path) -> None:
    checkpoint = FAMILIES["SD 1, a file"](tmp_path)
    model = getattr(_ways(), way)(checkpoint)
    if model.apart is not None:
        model.apart.stage.room_bytes = model.bytes
    unet, text = model.unet, model.text_encoder
    layer = text.encoder.layers[0].mlp.fc1
    tensors = {
        "text_encoder.encoder.layers.0.mlp.fc1.diff": torch.ones(layer.weight.shape) / 10,
        "unet.conv_in.diff": torch.ones(unet.conv_in.weight.shape) / 50,
    }
    lora = written(tmp_path / "lora.safetensors", tensors)
    plain = _drawn(model)
    changed = _drawn(model, adapters=(lora,), loras=[{"adapter": lora.id, "weight": 1.0}])
    assert not np.array_equal(plain, changed)
    assert np.array_equal(_drawn(model), plain)


def test_a_picture_is_that_of_a_processor_but_for_half_precision(starter: CheckpointInfo) -> None:
    fields = {"prompt": "a red house on the left, the sea at dawn", "steps": 20, "seed": 3}
    pictures = [_starter_picture(load_model(starter, device), fields) for device in (CPU, GPU)]
    assert abs(pictures[0].astype(int) - pictures[1]).mean() < 2


def _starter_picture(model: LoadedModel, fields: Mapping[str, object]) -> NDArray[np.uint8]:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, **dict(fields)))  # type: ignore[arg-type]
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.pictures("job")[0]


def test_a_picture_of_a_crowd_is_that_made_alone_but_for_half_precision(
    starter: CheckpointInfo,
) -> None:
    model = load_model(starter, GPU)
    orders = [
        order(starter, str(seed), prompt="a boat", seed=seed, steps=20, sampler=sampler)
        for seed, sampler in enumerate(("DPM++ 2M", "Euler a", "DPM++ SDE", "DDIM"))
    ]
    crowd = Rig(model)
    crowd.finish(*orders)
    for each in orders:
        alone = Rig(model)
        alone.finish(each)
        mine, expected = crowd.pictures(each.job_id)[0], alone.pictures(each.job_id)[0]
        assert abs(mine.astype(int) - expected).mean() < 2


def test_memory_that_really_runs_out_costs_rows_and_no_job(starter: CheckpointInfo) -> None:
    model = load_model(starter, GPU)
    limits = choose_device(cpu=False, budget_bytes=None).limits
    orders = [
        order(starter, str(seed), seed=seed, steps=2, width=1024, height=1024) for seed in range(8)
    ]
    alone = Rig(model)
    alone.finish(orders[0])
    torch.cuda.empty_cache()
    ballast = torch.empty(free_bytes(GPU) - SPARE, dtype=torch.uint8, device=GPU)
    rig = Rig(model, options=EngineOptions(limits=limits))
    rig.finish(*orders)
    del ballast
    assert set(rig.ends().values()) == {"done"}, [rig.error(job) for job in rig.ends()]
    assert abs(rig.pictures("0")[0].astype(int) - alone.pictures("0")[0]).mean() < 2


def test_a_first_stage_that_overflows_in_half_precision_is_drawn_all_the_same(
    starter: CheckpointInfo,
) -> None:
    model = load_model(starter, GPU)
    plain = _starter_picture(model, {"steps": 4})
    vae: Any = model.vae
    assert next(vae.parameters()).dtype == torch.float16
    with torch.no_grad():  # what lies between the two is larger than half precision can say
        for larger in vae.post_quant_conv.parameters():
            larger.mul_(2**15)
        vae.decoder.conv_in.weight.div_(2**15)
    rig = Rig(model)
    rig.finish(order(starter, steps=4))
    picture = rig.pictures("job")[0]
    assert picture.std() > 5
    assert abs(picture.astype(int) - plain).mean() < 12
    assert rig.notes()


def test_packed_rows_stand_for_the_same_numbers_on_the_card() -> None:
    weight = torch.randn(6, 64, generator=torch.Generator().manual_seed(1))
    raw = torch.frombuffer(bytearray(packed_q8_0(weight)), dtype=torch.uint8).view(6, -1)
    here = PackedWeight("Q8_0", raw, (6, 64)).unpacked(torch.float16)
    there = PackedWeight("Q8_0", raw.to(GPU), (6, 64)).unpacked(torch.float16)
    assert torch.equal(here, there.cpu())
    stored = weight.to(torch.float8_e4m3fn).view(torch.uint8)
    eight = PackedWeight("F8_E4M3", stored.to(GPU), (6, 64), 0.3).unpacked(torch.float16)
    assert torch.equal(
        eight.cpu(), PackedWeight("F8_E4M3", stored, (6, 64), 0.3).unpacked(torch.float16)
    )


@pytest.mark.parametrize(
    "options",
    [
        Acceleration(graphs=True),
        Acceleration(compile=True),
        Acceleration(compile=True, graphs=True),
    ],
    ids=["graphs", "compiled", "both"],
)
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore")
def test_accelerated_networks_draw_the_same(
    options: Acceleration, starter: CheckpointInfo, tmp_path: Path
) -> None:
    plain = load_model(starter, GPU)
    lora = _lora_of(plain.unet, tmp_path)
    used = {"adapters": (lora,), "loras": [{"adapter": lora.id, "weight": 1.0}]}
    fields: list[dict[str, Any]] = [{"steps": 6}, {"steps": 6, **used}, {"steps": 6}]
    wanted = [_starter_picture(plain, each) for each in fields]
    fast = accelerate(plain, options)
    drawn = [_starter_picture(fast, each) for each in fields]
    assert not np.array_equal(wanted[0], wanted[1])
    for mine, expected in zip(drawn, wanted, strict=True):
        assert abs(mine.astype(int) - expected).mean() < 2
    assert np.array_equal(drawn[0], drawn[2])


def _lora_of(unet: nn.Module, folder: Path) -> Any:
    layer: Any = unet.get_submodule("conv_in")
    return written(
        folder / "lora.safetensors", {"unet.conv_in.diff": torch.ones(layer.weight.shape) / 10}
    )
