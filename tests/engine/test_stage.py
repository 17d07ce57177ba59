"""What reads prompts and what draws are in memory in turn: the same pictures, without thrashing."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.adapters.test_lora import written
from tests.engine.families.test_lean import MADE, _halved
from tests.engine.families.tiny_flow import tiny_flux, write_tiny_flow
from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.original import tiny_sd1, write_original
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.messages import JobEnded, WorkerEvent
from webui.contracts.parameters.turns import PRIORITIES, Priority
from webui.engine.acceleration import Acceleration
from webui.engine.adapters.merging import MergedWeights
from webui.engine.devices import choose_device
from webui.engine.engine import Engine
from webui.engine.extensions import WorkerExtensions
from webui.engine.families.registry import load_apart, load_model
from webui.engine.model import LoadedModel
from webui.engine.needs import apart_bytes, whole_bytes
from webui.engine.packed.late import LateWeight
from webui.engine.readying import in_turn
from webui.engine.residency import Loaders, Residency
from webui.engine.shared_networks import SharedNetworks
from webui.engine.stage import LEAST_SECONDS, Stage
from webui.engine.ways import APART, Ways
from webui.engine.work import EncodeText, Predict, UpscalePixels, Work
from webui.services.diffusers_folder import describe_folder

CPU, META = torch.device("cpu"), torch.device("meta")
FAMILIES: dict[str, Callable[[Path], CheckpointInfo]] = {
    **MADE,
    "FLUX, a folder": lambda folder: _halved(write_tiny_flow(folder / "e", tiny_flux())),
}


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def _apart(checkpoint: CheckpointInfo, clock: Clock | None = None) -> LoadedModel:
    """With room for the larger half alone."""
    shared = SharedNetworks()
    if clock is not None:
        shared.stage = Stage(shared.merged, clock)
    model = load_apart(checkpoint, CPU, shared)
    shared.stage.room_bytes = model.bytes
    return model


def _stage(model: LoadedModel) -> Stage:
    assert model.apart is not None
    return model.apart.stage


def _late(networks: tuple[nn.Module, ...]) -> list[nn.Module]:
    return [m for network in networks for m in network.modules() if isinstance(m, LateWeight)]


def _drawn(model: LoadedModel, **fields: Any) -> Any:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, width=64, height=64, negative_prompt="rain", **fields))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.pictures("job")[0]


@pytest.mark.parametrize("name", FAMILIES)
def test_it_draws_the_same_to_the_bit_and_holds_one_half_at_a_time(
    name: str, tmp_path: Path
) -> None:
    checkpoint = FAMILIES[name](tmp_path)
    whole, apart = load_model(checkpoint, CPU), _apart(checkpoint)
    assert apart.apart is not None
    assert apart.bytes < 0.95 * whole.bytes
    most = max(len(_late(apart.apart.reading)), 1)
    for prompt in ("a house", "a tree"):
        wanted = _drawn(whole, prompt=prompt)
        assert np.array_equal(_drawn(apart, prompt=prompt), wanted)
        assert len(_late(apart.apart.reading)) == most  # all closed again
        assert _stage(apart).on_bytes <= apart.bytes
    assert _stage(apart).changes == 4


@pytest.mark.parametrize("name", FAMILIES)
def test_the_catalog_knows_how_much_of_it_reads(name: str, tmp_path: Path) -> None:
    checkpoint = FAMILIES[name](tmp_path)
    if checkpoint.format == "diffusers":
        checkpoint = describe_folder(Path(checkpoint.path), checkpoint.id)
    apart = _apart(checkpoint).apart
    assert apart is not None
    reads = sum(p.numel() for net in apart.reading for p in net.parameters())
    late: list[Any] = _late(apart.reading)
    assert checkpoint.text_parameters == pytest.approx(
        reads + sum(layer.held.numel() for layer in late), rel=0.2
    )  # OpenCLIP's last layer is in the file and not used


def test_loras_are_taken_out_before_a_network_leaves(tmp_path: Path) -> None:
    checkpoint = MADE["SD 1, a file"](tmp_path)
    whole, apart = load_model(checkpoint, CPU), _apart(checkpoint)
    text: Any = whole.text_encoder
    unet: Any = whole.unet
    layer = text.encoder.layers[0].mlp.fc1
    tensors = {
        "text_encoder.encoder.layers.0.mlp.fc1.diff": torch.ones(layer.weight.shape) / 10,
        "unet.conv_in.diff": torch.ones(unet.conv_in.weight.shape) / 50,
    }
    lora = written(tmp_path / "lora.safetensors", tensors)
    used = {"adapters": (lora,), "loras": [{"adapter": lora.id, "weight": 1.0}]}
    plain, changed = _drawn(whole), _drawn(whole, **used)
    assert not np.array_equal(plain, changed)
    assert np.array_equal(_drawn(apart, **used), changed)
    assert np.array_equal(_drawn(apart), plain)
    assert np.array_equal(
        _drawn(apart, prompt="a tree", **used), _drawn(whole, prompt="a tree", **used)
    )


def test_prompts_that_come_while_others_draw_are_encoded_in_one_go(tmp_path: Path) -> None:
    clock = Clock()
    model = _apart(MADE["SD 1, a file"](tmp_path), clock)
    rig = Rig(model)
    shape = {"width": 64, "height": 64}
    rig.engine.start(order(model.checkpoint, "first", steps=20, **shape))  # type: ignore[arg-type]
    rig.tick_until(lambda: len(rig.works(Predict)) == 2)
    for job, prompt in (("second", "a tree"), ("third", "the sea")):
        one = order(model.checkpoint, job, prompt=prompt, negative_prompt=f"no {prompt}", **shape)  # type: ignore[arg-type]
        rig.engine.start(one)
    rig.tick_until(lambda: len(rig.works(Predict)) == 8)
    assert _stage(model).changes == 2  # the first one's reading and drawing: it keeps the place
    clock.now += LEAST_SECONDS
    before = len(rig.batches)
    rig.tick_until(lambda: len(rig.works(Predict)) > 8)
    texts = [
        [work.text for work in batch if isinstance(work, EncodeText)]
        for batch in rig.batches[before:-1]
    ]
    assert texts == [["a tree", "the sea"], ["no a tree", "no the sea"]]
    clock.now += LEAST_SECONDS
    rig.tick_until_idle()
    assert set(rig.ends().values()) == {"done"}
    assert _stage(model).changes == 4


def test_a_prompt_that_is_known_brings_nobody(tmp_path: Path) -> None:
    model = _apart(MADE["SD 1, a file"](tmp_path))
    rig = Rig(model)
    for job in ("first", "second"):
        rig.finish(order(model.checkpoint, job, width=64, height=64))
    assert _stage(model).changes == 2


@dataclass(eq=False)
class _Waits:
    work: Work
    since: int
    priority: Priority = PRIORITIES["Normal"]


def test_when_its_time_is_over_even_who_has_work_makes_place(tmp_path: Path) -> None:
    clock = Clock()
    model = _apart(MADE["SD 1, a file"](tmp_path), clock)
    assert model.apart is not None
    reads, again = (_Waits(EncodeText(model, text), 1) for text in "ab")
    draws = _Waits(Predict(model, torch.zeros(1, 4, 8, 8), 1.0, None), 0)
    other = _Waits(UpscalePixels(model, None, torch.zeros(1, 3, 8, 8)), 0)  # type: ignore[arg-type]
    waiting = [reads, again, draws, other]
    _stage(model).bring(model.apart.reading)
    assert in_turn(waiting) == [reads, again, other]
    assert in_turn([draws, other]) == [other, draws]
    clock.now += LEAST_SECONDS
    assert in_turn(waiting) == [other, draws]
    _stage(model).bring(model.apart.drawing)
    assert in_turn(waiting) == [draws, other]


def test_coming_slowly_keeps_the_place_for_longer() -> None:
    ticks = itertools.chain([0.0, 10.0], itertools.repeat(10.0))
    now = Clock()
    times = iter(ticks)
    stage = Stage(MergedWeights(), lambda: next(times) + now.now)
    network = nn.Linear(2, 2)
    stage.join(network, META, None)
    stage.room_bytes = 100
    stage.bring([network])
    now.now = 19.9
    assert stage.is_kept
    now.now = 20.1
    assert not stage.is_kept


def test_who_was_used_longest_ago_leaves_and_only_as_far_as_there_is_need() -> None:
    networks = [nn.Linear(8, 8, bias=False) for _ in range(3)]
    stage = Stage(MergedWeights(), Clock())
    for network in networks:
        stage.join(network, META, None)
    stage.room_bytes = 2 * 8 * 8 * 4
    a, b, c = networks
    for brought, there in (
        ([a], [a]),
        ([b], [a, b]),
        ([a], [a, b]),
        ([c], [a, c]),
        ([b, c], [b, c]),
    ):
        stage.bring(brought)
        assert [n for n in networks if n.weight.is_meta] == there
        assert stage.on_bytes == stage.bytes_of(there) <= stage.room_bytes


def test_the_memory_of_all_together_is_counted(tmp_path: Path) -> None:
    checkpoint = MADE["SD 1, a file"](tmp_path)
    shared = SharedNetworks()
    whole = load_model(write_original(tmp_path / "b.safetensors", tiny_sd1()), CPU, shared)
    alone = shared.bytes
    model = load_apart(checkpoint, CPU, shared)
    shared.stage.room_bytes = model.bytes
    assert shared.bytes == alone + model.bytes
    assert whole.bytes == alone


def test_models_that_do_not_fit_change_places_and_leave_nothing(tmp_path: Path) -> None:
    """By the byte figures of the catalog, on a device that has room for one half of one model."""
    first, second = (
        write_original(tmp_path / f"{n}.safetensors", tiny_sd1(), torch.float16) for n in "ab"
    )
    room = max(apart_bytes(c, 4, on_processor=True) or 0 for c in (first, second))
    assert 0 < room < min(whole_bytes(c, 4) for c in (first, second))
    shared, events, ways = SharedNetworks(), list[WorkerEvent](), list[str]()

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        ways.append(checkpoint.id)
        shared.stage.room_bytes = room
        return load_apart(checkpoint, CPU, shared)

    loaders = Loaders(lambda checkpoint: load_model(checkpoint, CPU), apart=load)
    told = lambda _: None  # noqa: E731 - nobody waits for it
    residency = Residency(loaders, room, told, free_bytes=lambda: room, shared=shared)
    engine = Engine(residency, events.append)
    for number, checkpoint in enumerate((first, second, first)):
        engine.start(order(checkpoint, f"job {number}", width=64, height=64))
        while engine.is_busy:
            if not engine.tick():
                time.sleep(0.001)
        gc.collect()
        with residency.use(checkpoint) as model:
            assert {id(network) for network, _ in shared.stage._all()} == set(
                map(id, model.networks)
            )
        del model
    assert [e.state for e in events if isinstance(e, JobEnded)] == ["done"] * 3
    assert ways == [first.id, second.id, first.id]
    assert residency.resident_bytes <= room


def test_of_a_model_that_makes_room_no_part_stays_that_could_serve_no_other_way(
    tmp_path: Path,
) -> None:
    first = write_original(tmp_path / "a.safetensors", tiny_sd1(), torch.float16)
    second = write_tiny_xl(tmp_path / "b")
    room = apart_bytes(first, 4, on_processor=True) or 0
    free, shared = [room, 2**40], SharedNetworks()
    shared.stage.room_bytes = room
    loaders = Loaders(
        lambda checkpoint: load_model(checkpoint, CPU, shared),
        apart=lambda checkpoint: load_apart(checkpoint, CPU, shared),
    )
    told = lambda _: None  # noqa: E731 - nobody waits for it
    residency = Residency(
        loaders, room + 2**20, told, free_bytes=lambda: free.pop(0), shared=shared
    )
    with residency.use(first) as model:
        assert len(shared.stage._all()) == 3
    del model
    with residency.use(second):
        gc.collect()
        assert not shared.stage._all()


def test_a_worker_says_that_it_is_so_and_takes_the_room_that_there_is(tmp_path: Path) -> None:
    shared = SharedNetworks()
    extensions = WorkerExtensions()
    ways = Ways(choose_device(True, None), shared, Acceleration(), lambda: extensions)
    loaders = ways.loaders
    assert loaders.apart is not None
    model = loaders.apart(MADE["SD 1, a file"](tmp_path))
    assert model.take_remarks() == [APART]
    assert shared.stage.room_bytes > model.bytes
    assert model.apart is not None
