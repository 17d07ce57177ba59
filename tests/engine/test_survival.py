"""Whatever becomes of one job, the pictures of the others stay within 1/255 of those made alone."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId, JobId
from webui.contracts.messages import JobEnded, RunJob
from webui.contracts.preview import Preview
from webui.engine import engine as engine_module
from webui.engine import previewer as previewer_module
from webui.engine.adapters.dialects.low_rank import LowRank
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.programs import PictureOrder, program_for
from webui.engine.texts import cut_note
from webui.engine.work import (
    Answer,
    DecodeLatent,
    EncodeBoxes,
    EncodeImage,
    EncodeText,
    Predict,
    Program,
    Work,
    rows_of,
)

FULL = "CUDA out of memory. Tried to allocate 2 GiB."
ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn2"
KINDS: list[type[Work]] = [EncodeText, EncodeBoxes, EncodeImage, Predict, DecodeLatent]


class Crowd:
    """Jobs of unequal kinds, the first of which is the one that something happens to."""

    def __init__(self, library: Library, folder: Path) -> None:
        picture = save_picture(folder / "image.png")
        text, layout = library.model("text"), library.model("layout")
        self.models = (text, layout)
        control, lora = library.control(), _write_lora(folder / "lora.safetensors")
        use = {"adapter": control.id, "image": image_id(picture), "weight": 0.8}
        box = {"label": "sea", "left": 0.0, "top": 0.5, "right": 1.0, "bottom": 1.0}
        self.orders = [
            self._order(text, "victim", lora, files={"image": picture}, prompt="a tree", count=2),
            self._order(text, "img2img", files={"image": picture}, sampler="Euler a", seed=3),
            self._order(text, "control", control, files={"hint": picture}, controls=[use], seed=4),
            self._order(text, "lora", lora, prompt="a boat", sampler="Heun", seed=5),
            self._order(layout, "layout", boxes=[box], seed=6, steps=4),
        ]
        self.alone = {order.job_id: self._alone(order) for order in self.orders}

    def rig(self, run: Callable[[Sequence[Work]], list[Answer]] = execute) -> Rig:
        """An engine for them, in which every turn takes one second: so each run is the same."""
        return Rig(*self.models, run=run, clock=itertools.count().__next__)

    def check(self, rig: Rig, *others: str) -> None:
        """Jobs that nothing happened to have ended well, with the pictures that they make alone."""
        for job in [*others] or [o.job_id for o in self.orders[1:]]:
            assert rig.ends()[job] == "done", rig.error(job)
            for mine, expected in zip(rig.pictures(job), self.alone[JobId(job)], strict=True):
                assert abs(mine.astype(int) - expected).max() <= 1

    def _order(
        self, model: LoadedModel, job: str, *adapters: AdapterInfo, **more: object
    ) -> RunJob:
        fields: dict[str, object] = {"steps": 3, "denoising_strength": 0.9, **more}
        if any(adapter.kind == "lora" for adapter in adapters):
            fields["loras"] = [{"adapter": a.id, "weight": 0.5} for a in adapters]
        return order(model.checkpoint, job, adapters=adapters, **fields)  # type: ignore[arg-type]

    def _alone(self, command: RunJob) -> list[NDArray[np.uint8]]:
        rig = self.rig()
        rig.finish(command)
        return rig.pictures(command.job_id)


def _write_lora(path: Path) -> AdapterInfo:
    generator = torch.Generator().manual_seed(0)
    names = {f"unet.{ATTENTION}.to_k": 32, "text_encoder.encoder.layers.0.self_attn.q_proj": 16}
    halves = {
        f"{name}.lora_{half}.weight": torch.randn(shape, generator=generator)
        for name, width in names.items()
        for half, shape in (("A", (2, 16)), ("B", (width, 2)))
    }
    save_file(halves, path)
    return AdapterInfo(AdapterId("loras/some"), "lora", "Some", str(path), 1)


@pytest.fixture(scope="module")
def crowd(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    return Crowd(library, tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
def ticks(crowd: Crowd) -> int:
    """How many ticks the crowd takes when all goes well."""
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    crowd.check(rig, *[o.job_id for o in crowd.orders])
    return len(rig.batches)


def test_a_job_may_be_cancelled_at_any_tick(crowd: Crowd, ticks: int) -> None:
    for tick in range(0, ticks, 3):
        rig = crowd.rig()
        for command in crowd.orders:
            rig.engine.start(command)
        rig.tick_until(lambda rig=rig, tick=tick: len(rig.batches) >= tick)  # type: ignore[misc]
        rig.engine.cancel(JobId("victim"))
        if "victim" in rig.ends():
            assert rig.ends()["victim"] in ("cancelled", "done")
        rig.tick_until_idle()
        crowd.check(rig)


@pytest.mark.parametrize("at", [0, 2, 6])
def test_a_program_may_fail_anywhere(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    def failing(program: Program) -> Program:
        answer: object = None
        for step in range(100):
            if step == at:
                raise ZeroDivisionError("odd")
            try:
                wanted = program.send(answer)
            except StopIteration as finished:
                return finished.value  # type: ignore[no-any-return]
            answer = yield wanted
        raise AssertionError

    _for_the_victim(monkeypatch, failing)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    assert rig.ends()["victim"] == "failed"
    assert "ZeroDivisionError: odd" in rig.error("victim")
    crowd.check(rig)


def test_a_program_may_end_with_what_is_no_picture(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(program: Program) -> Program:
        yield from ()
        program.close()
        return None  # type: ignore[return-value]

    _for_the_victim(monkeypatch, empty)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    assert "ended with None" in rig.error("victim")
    crowd.check(rig)


def test_a_program_may_refuse_to_end(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    def stubborn(program: Program) -> Program:
        work = next(program)
        answer = yield work
        try:
            while True:
                work = program.send(answer)
                answer = yield work
        finally:
            yield work

    _for_the_victim(monkeypatch, stubborn)
    rig = crowd.rig()
    for command in crowd.orders:
        rig.engine.start(command)
    rig.tick_until(lambda: bool(rig.batches))
    rig.engine.cancel(JobId("victim"))
    assert rig.ends() == {"victim": "cancelled"}
    rig.tick_until_idle()
    crowd.check(rig)


def test_a_preview_may_fail(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Preview:
        raise RuntimeError("no encoder")

    monkeypatch.setattr(previewer_module, "preview", fail)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    crowd.check(rig, *[o.job_id for o in crowd.orders])
    assert {step.preview for step in rig.steps("victim")} == {None}


def test_a_prompt_may_be_unreadable(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cut_note

    def fail(model: LoadedModel, request: object, adapters: object) -> str | None:
        if getattr(request, "prompt", "") == "a tree":
            raise RecursionError("too deep")
        return real(model, request, adapters)  # type: ignore[arg-type]

    monkeypatch.setattr(engine_module, "cut_note", fail)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    assert "RecursionError" in rig.error("victim")
    crowd.check(rig)


def test_memory_may_run_out_at_every_piece_of_work(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of more than a row is let through at its first try, whatever kind of work it is."""
    monkeypatch.setattr(gc, "collect", lambda: 0)  # a tenth of a second in a process of tests
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
    crowd.check(rig, *[o.job_id for o in crowd.orders])
    assert refused >= {EncodeText, Predict}  # of others, two may never wait at once


@pytest.mark.parametrize("kind", KINDS)
def test_memory_may_never_suffice_for_one_job(
    crowd: Crowd, kind: type[Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own pieces of work of a kind are refused, whoever stands beside them and in any part."""
    monkeypatch.setattr(gc, "collect", lambda: 0)
    chosen = "layout" if kind is EncodeBoxes else "victim"
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
    crowd.check(rig, *[o.job_id for o in crowd.orders if o.job_id != chosen])


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
    crowd.check(rig, *[o.job_id for o in crowd.orders])


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
    crowd.check(rig, *[o.job_id for o in crowd.orders if o.job_id not in failed])


def test_memory_may_run_out_in_a_program_itself(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(program: Program) -> Program:
        yield next(program)
        raise torch.OutOfMemoryError(FULL)

    _for_the_victim(monkeypatch, failing)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    assert "does not fit the memory" in rig.error("victim")
    crowd.check(rig)


def test_jobs_behind_a_model_that_cannot_be_loaded_are_begun_in_the_same_tick(
    model: LoadedModel, other_model: LoadedModel
) -> None:
    """A worker sleeps after a tick that had nothing to do, so that tick must have tried all."""

    def load(checkpoint: object) -> LoadedModel:
        if checkpoint == other_model.checkpoint:
            raise OSError("gone")
        return model

    rig = Rig(load=load)
    with rig.residency.use(model.checkpoint):
        rig.engine.start(order(other_model.checkpoint, "lost"))
        rig.engine.start(order(model.checkpoint, "good"))
        rig.tick_until(lambda: "lost" in rig.ends())
        assert rig.engine._programs or rig.ends().get("good") == "done"
        rig.tick_until_idle()
    ends = [event for event in rig.events if isinstance(event, JobEnded)]
    assert [(end.job_id, end.state) for end in ends] == [("lost", "failed"), ("good", "done")]


def _for_the_victim(monkeypatch: pytest.MonkeyPatch, change: Callable[[Program], Program]) -> None:
    def make(order: PictureOrder, model: LoadedModel) -> Iterator[object]:
        program = program_for(order.request, model.checkpoint)(order, model)
        return change(program) if order.request.prompt == "a tree" else program

    monkeypatch.setattr(engine_module, "program_for", lambda *_: make)


def _is_part(work: Work, whole: Work) -> bool:
    """Whether a work is another or, after splitting, a part of it."""
    for name in ("x", "latent", "pixels", "boxes"):
        mine, theirs = getattr(work, name, None), getattr(whole, name, None)
        if mine is not None and theirs is not None:
            return bool(mine.untyped_storage().data_ptr() == theirs.untyped_storage().data_ptr())
    return work is whole
