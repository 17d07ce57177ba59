from __future__ import annotations

import gc
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

import psutil
import pytest
import torch

from tests.engine.rig import Rig, order
from tests.engine.tiny import write_tiny
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, OutOfMemory
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.engine.memory import release_memory
from webui.engine.model import LoadedModel
from webui.engine.residency import Loaded, Loader, Loaders, Residency

SECONDS = 5.0


class Shelf:
    """Stands for a disk: 'loads' by relabelling a model that is in memory already."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self.loads: list[str] = []
        self.told: list[Loaded | None] = []

    def load(self, checkpoint: CheckpointInfo) -> LoadedModel:
        self.loads.append(checkpoint.id)
        return replace(self._model, checkpoint=checkpoint)

    def checkpoint(self, name: str) -> CheckpointInfo:
        return replace(self._model.checkpoint, id=ModelId(name))

    def residency(self, models: float, load: Loader | None = None) -> Residency:
        """With room for so many models."""
        budget = int(models * self._model.bytes)
        return Residency(load or self.load, budget, self.told.append)


@pytest.fixture
def shelf(model: LoadedModel) -> Shelf:
    return Shelf(model)


def test_a_model_is_loaded_once_and_used_many_times(shelf: Shelf) -> None:
    residency = shelf.residency(2)
    with residency.use(shelf.checkpoint("a")) as first:
        pass
    with residency.use(shelf.checkpoint("a")) as second:
        assert first is second
    assert shelf.loads == ["a"]


def test_the_least_recently_used_model_makes_room(shelf: Shelf) -> None:
    residency = shelf.residency(2.5)
    for name in ("a", "b", "a", "c", "a", "b"):
        with residency.use(shelf.checkpoint(name)):
            pass
    assert shelf.loads == ["a", "b", "c", "b"]


def test_the_budget_is_kept(shelf: Shelf, model: LoadedModel) -> None:
    residency = shelf.residency(2.5)
    for name in "abcdef":
        with residency.use(shelf.checkpoint(name)):
            assert residency.resident_bytes <= 2.5 * model.bytes


def test_a_model_in_use_is_not_unloaded(shelf: Shelf) -> None:
    residency = shelf.residency(1.5)
    with residency.use(shelf.checkpoint("a")):
        assert residency.acquire(shelf.checkpoint("b")) is None
        assert not residency.is_loading
    with residency.use(shelf.checkpoint("b")):
        pass
    assert shelf.loads == ["a", "b"]


def test_a_model_larger_than_the_budget_is_let_in_alone(shelf: Shelf) -> None:
    with shelf.residency(0.1).use(shelf.checkpoint("a")):
        pass
    assert shelf.loads == ["a"]


def test_a_failed_load_is_told_once_and_may_be_tried_again(shelf: Shelf) -> None:
    failures = [BrokenModel("The file is cut short."), MemoryError()]

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        if failures:
            raise failures.pop(0)
        return shelf.load(checkpoint)

    residency = shelf.residency(2, load)
    with pytest.raises(BrokenModel, match="cut short"), residency.use(shelf.checkpoint("a")):
        pass
    with pytest.raises(OutOfMemory, match="'a'"), residency.use(shelf.checkpoint("a")):
        pass
    with residency.use(shelf.checkpoint("a")) as model:
        assert model.checkpoint.id == "a"


def test_a_slow_load_does_not_stop_jobs_on_a_loaded_model(model: LoadedModel) -> None:
    go_on = threading.Event()
    slow = replace(model.checkpoint, id=ModelId("slow"))

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        if checkpoint.id == "slow":
            assert go_on.wait(SECONDS)
        return replace(model, checkpoint=checkpoint)

    rig = Rig(load=load)
    rig.finish(order(model.checkpoint, "first"))
    rig.engine.start(order(slow, "slow one"))
    rig.engine.start(order(model.checkpoint, "second"))
    while "second" not in rig.ends():
        assert rig.engine.tick()
    assert "slow one" not in rig.ends()
    go_on.set()
    rig.tick_until_idle()
    assert rig.ends()["slow one"] == "done"


def test_a_steady_stream_for_one_model_does_not_keep_another_out(model: LoadedModel) -> None:
    other = replace(model.checkpoint, id=ModelId("other"))
    rig = Rig(
        load=lambda checkpoint: replace(model, checkpoint=checkpoint),
        budget_bytes=int(1.5 * model.bytes),
    )
    rig.engine.start(order(model.checkpoint, "a 0", steps=20))
    rig.tick_until(lambda: bool(rig.steps("a 0")))
    rig.engine.start(order(other, "b"))
    for i in range(1, 4):
        rig.engine.start(order(model.checkpoint, f"a {i}"))
    rig.tick_until_idle()
    assert list(rig.ends()) == ["a 0", "b", "a 1", "a 2", "a 3"]


def test_a_model_that_cannot_be_loaded_fails_all_jobs_that_wait_for_it(
    model: LoadedModel,
) -> None:
    broken = replace(model.checkpoint, id=ModelId("broken"))

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        if checkpoint.id == "broken":
            raise BrokenModel("The file is cut short.")
        return replace(model, checkpoint=checkpoint)

    rig = Rig(load=load)
    rig.finish(order(broken, "a"), order(broken, "b"), order(model.checkpoint, "c"))
    assert rig.ends() == {"a": "failed", "b": "failed", "c": "done"}
    assert rig.error("a") == "The file is cut short."


def test_a_warmed_model_is_there_for_its_first_job(shelf: Shelf, model: LoadedModel) -> None:
    rig = Rig(load=shelf.load)
    rig.engine.warm_up(model.checkpoint)
    rig.tick_until(lambda: rig.residency.resident_bytes > 0)
    rig.finish(order(model.checkpoint))
    assert shelf.loads == [model.checkpoint.id]


def test_models_that_are_needed_together_are_held_once_all_are_there(shelf: Shelf) -> None:
    residency = shelf.residency(2.5)
    pair = [shelf.checkpoint("a"), shelf.checkpoint("b")]
    leases = None
    for _ in range(2000):
        if (leases := residency.acquire_all(pair)) is not None:
            break
        threading.Event().wait(0.002)
    assert leases is not None
    assert [lease.model.checkpoint.id for lease in leases] == ["a", "b"]
    assert residency.acquire(shelf.checkpoint("c")) is None  # both are in use
    assert not residency.is_known(shelf.checkpoint("c"))
    for lease in leases:
        lease.release()
    with residency.use(shelf.checkpoint("c")):
        assert shelf.loads == ["a", "b", "c"]


def test_models_that_never_fit_together_are_refused(shelf: Shelf) -> None:
    with pytest.raises(OutOfMemory, match="'a' and 'b'"):
        shelf.residency(1.5).acquire_all([shelf.checkpoint("a"), shelf.checkpoint("b")])


def test_a_note_on_a_resident_model_does_not_load_it_anew(shelf: Shelf) -> None:
    residency = shelf.residency(2.5)
    plain = shelf.checkpoint("a")
    with residency.use(plain):
        pass
    noted = replace(plain, title="Mine", defaults=(("steps", 7),))
    assert residency.is_known(noted)
    with residency.use(noted):
        assert shelf.loads == ["a"]


def test_a_model_that_the_free_memory_cannot_hold_says_by_how_much(shelf: Shelf) -> None:
    big = replace(shelf.checkpoint("big"), parameters=3 * 2**28)
    residency = Residency(shelf.load, 2**40, shelf.told.append, free_bytes=lambda: 2**30)
    with pytest.raises(OutOfMemory, match=r"about 3\.0 GiB .* 1\.0 GiB are free\. 2\.0 GiB more"):
        residency.acquire(big)
    assert (shelf.loads, residency.is_known(big)) == ([], False)
    with residency.use(shelf.checkpoint("small")):
        assert shelf.loads == ["small"]


@pytest.mark.parametrize(
    ("free", "in_parts", "dtype", "way"),
    [
        (5 * 2**29, True, "F16", "whole"),
        (3 * 2**29, True, "F16", "lean"),
        (2**29, True, "F16", None),
        (2**29, False, "F16", "lean"),  # its weights stay in the file
        (2**29, False, "F32", None),
    ],
)
def test_the_way_that_fits_the_free_memory_is_taken(
    shelf: Shelf, free: int, in_parts: bool, dtype: str, way: str | None
) -> None:
    form: Literal["diffusers", "safetensors"] = "diffusers" if in_parts else "safetensors"
    asked = replace(
        shelf.checkpoint("big"), parameters=2**29, bytes=2**30, dtype=dtype, format=form
    )
    taken: list[str] = []

    def by(name: str) -> Loader:
        def load(checkpoint: CheckpointInfo) -> LoadedModel:
            taken.append(name)
            return shelf.load(checkpoint)

        return load

    residency = Residency(
        Loaders(by("whole"), lean=by("lean")), 2**40, shelf.told.append, free_bytes=lambda: free
    )
    if way is None:
        with pytest.raises(OutOfMemory):
            residency.acquire(asked)
        return
    with residency.use(asked):
        assert taken == [way]


@pytest.mark.parametrize(("free", "way"), [(5 * 2**28, "whole"), (2**28, "lean"), (2**26, None)])
def test_on_a_gpu_layers_stay_in_the_computers_memory_where_the_model_does_not_fit(
    shelf: Shelf, free: int, way: str | None
) -> None:
    asked = replace(shelf.checkpoint("big"), parameters=2**29, bytes=2**30, dtype="F32")
    taken: list[str] = []

    def by(name: str) -> Loader:
        def load(checkpoint: CheckpointInfo) -> LoadedModel:
            taken.append(name)
            return shelf.load(checkpoint)

        return load

    loaders = Loaders(by("whole"), lean=by("lean"), streams=True)
    residency = Residency(loaders, 2**40, shelf.told.append, 2, free_bytes=lambda: free)
    if way is None:
        with pytest.raises(OutOfMemory):
            residency.acquire(asked)
        return
    with residency.use(asked):
        assert taken == [way]


GIB = 2**30


@pytest.mark.parametrize(
    ("free", "text", "dtype", "streams", "way"),
    [
        (2.1, 0.7, "F16", False, "whole"),
        (1.5, 0.7, "F16", False, "apart"),  # 1.3 GiB draw
        (1.5, 1.4, "F16", False, "apart"),  # 1.4 GiB read
        (1.2, 0.7, "F16", False, "lean"),
        (1.5, 0.7, "F32", False, None),  # of such files nothing is opened that could be closed
        (1.5, 0.0, "F16", False, "lean"),
        (0.9, 0.7, "F16", False, None),
        (0.8, 0.6, "F32", True, "apart"),
        (0.6, 0.6, "F32", True, "lean"),
        (0.8, 0.0, "F32", True, "lean"),
    ],
)
def test_what_reads_and_what_draws_are_in_memory_in_turn_where_each_fits_alone(
    shelf: Shelf, free: float, text: float, dtype: str, streams: bool, way: str | None
) -> None:
    """Of a model of 2 GiB in float32 and 1 GiB in its files, of which so many GiB (in float32) read prompts."""
    asked = replace(
        shelf.checkpoint("big"),
        parameters=2**29, bytes=2**30, dtype=dtype, text_parameters=int(text * 2**28),
    )  # fmt: skip
    taken: list[str] = []

    def by(name: str) -> Loader:
        def load(checkpoint: CheckpointInfo) -> LoadedModel:
            taken.append(name)
            return shelf.load(checkpoint)

        return load

    loaders = Loaders(by("whole"), by("apart"), by("lean"), streams)
    weight = 2 if streams else 4
    residency = Residency(
        loaders, 2**40, shelf.told.append, weight, free_bytes=lambda: int(free * GIB)
    )
    if way is None:
        with pytest.raises(OutOfMemory):
            residency.acquire(asked)
        return
    with residency.use(asked):
        assert taken == [way]


def test_what_stays_packed_needs_its_size_in_the_file(shelf: Shelf) -> None:
    plain = shelf.checkpoint("packed")
    packed = replace(plain, bytes=2**29, parameters=2**30, packed=2**30 - 2**25)
    residency = Residency(shelf.load, 2**40, shelf.told.append, free_bytes=lambda: 2**29 + 2**27)
    with residency.use(packed):  # half a gigabyte packed, an eighth unpacked
        pass
    with pytest.raises(OutOfMemory):
        residency.acquire(replace(packed, id=ModelId("whole"), packed=0))


def test_switching_back_to_a_resident_model_takes_no_time(shelf: Shelf) -> None:
    residency = shelf.residency(3.5)
    for name in "abc":
        with residency.use(shelf.checkpoint(name)):
            pass
    begun = time.thread_time()  # others may use the processor meanwhile
    for name in "abc" * 10:
        with residency.use(shelf.checkpoint(name)):
            pass
    assert (time.thread_time() - begun) / 30 < 0.05
    assert shelf.loads == ["a", "b", "c"]


@pytest.mark.usefixtures("quiet_memory")
def test_twenty_switches_between_three_models_leave_no_more_in_memory_than_three(
    tmp_path: Path,
) -> None:
    checkpoints = [write_tiny(tmp_path / name, seed=seed) for seed, name in enumerate("abc")]
    budget = int(1.5 * load_model(checkpoints[0], torch.device("cpu")).bytes)
    residency = Residency(lambda c: load_model(c, torch.device("cpu")), budget, lambda _: None)
    held, resident = [], []
    for turn in range(23):
        with residency.use(checkpoints[turn % 3]):
            pass
        held.append(_tensor_bytes())
        release_memory()
        resident.append(psutil.Process().memory_info().rss)
    assert max(held[3:]) <= max(held[:3]), held
    # What is no tensor, or is one that nobody can name: less than a tenth of a model a switch.
    assert max(resident[3:]) <= max(resident[:3]) + 20 * checkpoints[0].parameters * 4 // 10, (
        resident
    )


def _tensor_bytes() -> int:
    """Of all tensors that are alive, each storage once."""
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    opaque = sum(int(tensor.nbytes) for tensor in tensors if tensor.is_mkldnn)
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in tensors if not (tensor.is_meta or tensor.is_mkldnn)
    }  # fmt: skip
    return opaque + sum(map(int, storages.values()))


def test_what_is_forgotten_is_loaded_anew_and_who_holds_it_keeps_it(shelf: Shelf) -> None:
    residency = shelf.residency(4)
    with residency.use(shelf.checkpoint("a")) as held, residency.use(shelf.checkpoint("b")):
        residency.forget(lambda checkpoint: checkpoint.id == "a")
        assert not residency.is_known(shelf.checkpoint("a"))
        with residency.use(shelf.checkpoint("a")) as anew:
            assert anew is not held
    with residency.use(shelf.checkpoint("b")), residency.use(shelf.checkpoint("a")) as again:
        assert again is anew
    assert shelf.loads == ["a", "b", "a"]


def test_what_is_forgotten_while_it_loads_is_loaded_once_more(shelf: Shelf) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        begun.set()
        assert go_on.wait(SECONDS)
        return shelf.load(checkpoint)

    residency = shelf.residency(2, load)
    assert residency.acquire(shelf.checkpoint("a")) is None
    assert begun.wait(SECONDS)
    residency.forget(lambda _: True)
    assert residency.is_loading
    go_on.set()
    with residency.use(shelf.checkpoint("a")):
        assert shelf.loads == ["a", "a"]
