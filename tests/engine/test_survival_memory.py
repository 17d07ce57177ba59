"""Wherever memory runs out in one job, the pictures of the others stay within 1/255 of those made alone."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence
from typing import get_args

import pytest
import torch

from tests.engine.crowd import Crowd, for_the_victim
from tests.engine.library import Library
from webui.engine.adapters.dialects.low_rank import LowRank
from webui.engine.execute import execute
from webui.engine.work import (
    Answer,
    EncodeBoxes,
    EncodeText,
    Predict,
    Program,
    ReadPicture,
    UpscalePixels,
    Work,
    rows_of,
)

FULL = "CUDA out of memory. Tried to allocate 2 GiB."
KINDS: tuple[type[Work], ...] = get_args(Work)
NEEDS: dict[type[Work], str] = {
    EncodeBoxes: "layout", ReadPicture: "looks", UpscalePixels: "large",
}  # fmt: skip
"""Whose work it is, where not the victim's."""
SHARDS = 4


@pytest.fixture(scope="module")
def crowd(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    return Crowd(library, tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
def passes(crowd: Crowd) -> Counter[type[Work]]:
    """How many forward passes of each kind the crowd takes when all goes well."""
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    crowd.check(rig)
    return Counter(type(works[0]) for works in rig.batches)


@pytest.fixture(autouse=True)
def no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a tenth of a second in a process of tests, wherever memory is full."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


def test_the_crowd_needs_every_kind_of_work(passes: Counter[type[Work]]) -> None:
    assert set(passes) == set(KINDS)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_memory_may_run_out_in_any_pass(
    crowd: Crowd, passes: Counter[type[Work]], shard: int
) -> None:
    """What was several rows is tried again in halves; what was one and cannot be less fails one job at most."""
    places = [(kind, n) for kind, count in passes.items() for n in range(count)]
    for kind, place in places[shard::SHARDS]:
        memory = _FullOnce(kind, place)
        rig = crowd.rig(memory)
        rig.finish(*crowd.orders)
        failed = [job for job, end in rig.ends().items() if end != "done"]
        assert memory.refused is not None or place > 0  # of a kind there may be a pass less
        assert len(failed) <= (memory.refused == 1)
        assert all("does not fit the memory" in rig.error(job) for job in failed)
        # What it enlarged in two windows is close to what it would be, and only the others' are promised.
        parted = {NEEDS[kind]} if kind is UpscalePixels else set()
        crowd.check(rig, *failed, *parted)


class _FullOnce:
    """Runs work, but for the n-th pass of a kind, which does not fit."""

    def __init__(self, kind: type[Work], place: int) -> None:
        self._kind, self._left = kind, place
        self.refused: int | None = None
        """Rows of that pass; None before it came."""

    def __call__(self, works: Sequence[Work]) -> list[Answer]:
        """An answer to each."""
        if isinstance(works[0], self._kind) and self.refused is None:
            if self._left == 0:
                self.refused = sum(map(rows_of, works))
                raise torch.OutOfMemoryError(FULL)
            self._left -= 1
        return execute(works)


def test_memory_may_run_out_at_every_piece_of_work(
    crowd: Crowd,
) -> None:
    """Nothing of more than a row is let through at its first try, whatever kind of work it is."""
    tried: list[Work] = []
    refused: set[type[Work]] = set()

    def full(works: Sequence[Work]) -> list[Answer]:
        fresh = [work for work in works if not any(work is other for other in tried)]
        tried.extend(fresh)
        if fresh and sum(map(rows_of, works)) > 1:
            refused.add(type(works[0]))
            raise torch.OutOfMemoryError(FULL)
        return execute(works)

    rig = crowd.rig(full)
    rig.finish(*crowd.orders)
    crowd.check(rig)
    assert refused >= {EncodeText, Predict}  # of others, two may never wait at once


@pytest.mark.parametrize("kind", KINDS)
def test_memory_may_never_suffice_for_one_job(crowd: Crowd, kind: type[Work]) -> None:
    """Its own pieces of work of a kind are refused, whoever stands beside them and in any part."""
    chosen = NEEDS.get(kind, "victim")
    mine: list[Work] = []

    def full(works: Sequence[Work]) -> list[Answer]:
        waiting = [m for m in rig.engine._programs if m.job.id == chosen and m.waits_for]
        mine.extend(m.work for m in waiting if isinstance(m.work, kind))
        if any(_is_part(work, other) for work in works for other in mine):
            raise torch.OutOfMemoryError(FULL)
        return execute(works)

    rig = crowd.rig(full)
    rig.finish(*crowd.orders)
    assert rig.ends()[chosen] == "failed"
    assert "does not fit the memory" in rig.error(chosen)
    crowd.check(rig, chosen)


def test_memory_may_run_out_inside_a_network(crowd: Crowd) -> None:
    """In the middle of a pass, where a LoRA is merged or a controlnet has spoken already."""
    passes = 0

    def full(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal passes
        passes += 1
        if passes % 3 == 1 and inputs[0].shape[0] > 1:
            raise torch.OutOfMemoryError(FULL)

    hooks = [model.unet.mid_block.register_forward_pre_hook(full) for model in crowd.models]  # type: ignore[union-attr]
    try:
        rig = crowd.rig()
        rig.finish(*crowd.orders)
    finally:
        for hook in hooks:
            hook.remove()
    crowd.check(rig)


def test_memory_may_run_out_while_a_lora_is_merged(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, merges = LowRank.change, 0

    def change(self: LowRank, weight: torch.Tensor) -> torch.Tensor:
        nonlocal merges
        merges += 1
        if merges == 2:
            raise torch.OutOfMemoryError(FULL)
        return real(self, weight)

    monkeypatch.setattr(LowRank, "change", change)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    failed = [job for job, state in rig.ends().items() if state != "done"]
    assert len(failed) <= 1
    crowd.check(rig, *failed)


def test_memory_may_run_out_in_a_program_itself(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(program: Program) -> Program:
        yield next(program)
        raise torch.OutOfMemoryError(FULL)

    for_the_victim(monkeypatch, failing)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    assert "does not fit the memory" in rig.error("victim")
    crowd.check(rig, "victim")


def _is_part(work: Work, whole: Work) -> bool:
    """Whether a work is another or, after splitting, a part of it; of pixels to enlarge, that are copies."""
    if isinstance(work, UpscalePixels) and isinstance(whole, UpscalePixels):
        return work.net is whole.net
    for name in ("x", "latent", "pixels", "boxes"):
        mine, theirs = getattr(work, name, None), getattr(whole, name, None)
        if mine is not None and theirs is not None:
            return bool(mine.untyped_storage().data_ptr() == theirs.untyped_storage().data_ptr())
    return work is whole
