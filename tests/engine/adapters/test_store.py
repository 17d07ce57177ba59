from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, JobFailed, OutOfMemory
from webui.contracts.ids import AdapterId
from webui.contracts.messages import RunJob
from webui.engine.adapters.lora import LoadedLora
from webui.engine.adapters.store import Adapter, AdapterStore, load_adapter

CPU = torch.device("cpu")
SECONDS = 5.0


def info_of(name: str) -> AdapterInfo:
    return AdapterInfo(AdapterId(name), "lora", name, f"/nowhere/{name}.safetensors", 1)


class Shelf:
    """Stands for a disk."""

    def __init__(self, *failures: Exception) -> None:
        self.loads: list[str] = []
        self.failures = list(failures)

    def load(self, info: AdapterInfo, device: torch.device) -> Adapter:
        self.loads.append(info.id)
        if self.failures:
            raise self.failures.pop(0)
        return LoadedLora(info, {}, bytes=100)


def test_the_least_recently_used_make_room() -> None:
    shelf = Shelf()
    store = AdapterStore(250, load=shelf.load)
    for name in "abacab":
        assert store.acquire(info_of(name), CPU) is not None
    assert shelf.loads == ["a", "b", "c", "b"]


def test_one_whose_file_was_changed_is_loaded_again(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(bytes(8))
    info = AdapterInfo(AdapterId("a"), "lora", "a", str(file), 1)
    shelf = Shelf()
    store = AdapterStore(250, load=shelf.load)
    first = store.acquire(info, CPU)
    assert store.acquire(info, CPU) is first
    file.write_bytes(bytes(9))
    second = store.acquire(info, CPU)
    assert second is not first
    file.unlink()
    assert store.acquire(info, CPU) is second
    assert shelf.loads == ["a", "a"]


def test_one_larger_than_the_budget_is_kept_alone() -> None:
    shelf = Shelf()
    store = AdapterStore(10, load=shelf.load)
    for name in "aab":
        store.acquire(info_of(name), CPU)
    assert shelf.loads == ["a", "b"]


def test_a_failed_load_is_told_once_as_a_sentence_and_may_be_tried_again() -> None:
    shelf = Shelf(BrokenModel("It is cut short."), MemoryError(), ZeroDivisionError("odd"))
    store = AdapterStore(load=shelf.load)
    for kind, words in (
        (BrokenModel, "cut short"),
        (OutOfMemory, "'a' does not fit"),
        (JobFailed, "'a' could not be loaded: ZeroDivisionError"),
    ):
        with pytest.raises(kind, match=words):
            store.acquire(info_of("a"), CPU)
    assert store.acquire(info_of("a"), CPU) is not None


def test_a_slow_load_does_not_stop_other_jobs(library: Library, tmp_path: Path) -> None:
    go_on, told = threading.Event(), threading.Event()

    def slow(info: AdapterInfo, device: torch.device) -> Adapter:
        assert go_on.wait(SECONDS)
        return load_adapter(info, device)

    model = library.model("text")
    rig = Rig(model, adapters=AdapterStore(on_loaded=told.set, load=slow))
    rig.finish(order(model.checkpoint, "first"))
    rig.engine.start(with_lora(library, lora_file(tmp_path), "waits"))
    rig.engine.start(order(model.checkpoint, "second"))
    rig.tick_until(lambda: "second" in rig.ends())
    assert not rig.engine.tick()  # it sleeps, and does not ask again and again
    assert "waits" not in rig.ends()
    go_on.set()
    assert told.wait(SECONDS)
    rig.tick_until_idle()
    assert rig.ends()["waits"] == "done"


def test_a_job_that_waits_for_an_adapter_can_be_cancelled(library: Library, tmp_path: Path) -> None:
    go_on = threading.Event()

    def slow(info: AdapterInfo, device: torch.device) -> Adapter:
        assert go_on.wait(SECONDS)
        return load_adapter(info, device)

    model = library.model("text")
    rig = Rig(model, adapters=AdapterStore(on_loaded=lambda: None, load=slow))
    rig.finish(order(model.checkpoint, "first"))
    job = with_lora(library, lora_file(tmp_path), "unwanted")
    rig.engine.start(job)
    rig.engine.tick()
    rig.engine.cancel(job.job_id)
    assert rig.ends() == {"first": "done", "unwanted": "cancelled"}
    go_on.set()
    rig.finish(order(model.checkpoint, "next"))
    assert rig.ends()["next"] == "done"


def test_a_missing_adapter_fails_only_its_job(library: Library, tmp_path: Path) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.finish(
        with_lora(library, info_of("gone"), "missing"),
        with_lora(library, lora_file(tmp_path), "good"),
        order(model.checkpoint, "untold", loras=[{"adapter": "never told of"}]),
        order(model.checkpoint, "plain"),
    )
    assert rig.ends() == {
        "missing": "failed", "good": "done", "untold": "failed", "plain": "done",
    }  # fmt: skip
    assert "'gone' cannot be loaded from '/nowhere/gone.safetensors'" in rig.error("missing")
    assert "'never told of', and the worker was told of none" in rig.error("untold")


def test_a_lora_is_not_taken_for_a_controlnet(library: Library, tmp_path: Path) -> None:
    info = lora_file(tmp_path)
    rig = Rig(library.model("text"))
    controls: Sequence[dict[str, Any]] = [{"adapter": info.id, "image": "0" * 64}]
    rig.finish(order(library.model("text").checkpoint, adapters=(info,), controls=controls))
    assert "names the controlnet 'loras/some', and the worker was told of a lora" in rig.error(
        "job"
    )


def lora_file(folder: Path) -> AdapterInfo:
    base = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    tensors = {
        f"{base}.lora_A.weight": torch.ones(1, 32),
        f"{base}.lora_B.weight": torch.ones(32, 1),
    }
    save_file(tensors, folder / "some.safetensors")
    path = str(folder / "some.safetensors")
    return AdapterInfo(AdapterId("loras/some"), "lora", "Some", path, 1)


def with_lora(library: Library, info: AdapterInfo, job: str) -> RunJob:
    checkpoint = library.model("text").checkpoint
    return order(checkpoint, job, adapters=(info,), loras=[{"adapter": info.id, "weight": 0.5}])
