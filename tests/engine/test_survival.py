"""Whatever becomes of one job, the pictures of the others stay within 1/255 of those made alone."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.changing import POINTS
from tests.engine.crowd import Crowd, for_the_victim
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.hooks.writing import write_extension
from webui.contracts.ids import JobId
from webui.contracts.messages import JobEnded
from webui.contracts.preview import Preview
from webui.engine import engine as engine_module
from webui.engine import previewer as previewer_module
from webui.engine.model import LoadedModel
from webui.engine.texts import cut_note
from webui.engine.work import EncodeBoxes, Program, ReadPicture, UpscalePixels, Work

SHARDS = 4
"""Parts of a test that does the same at each of many places, so that none of them takes long."""


@pytest.fixture(scope="module")
def crowd(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    return Crowd(library, tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="module")
def ticks(crowd: Crowd) -> int:
    """How many ticks the crowd takes when all goes well."""
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    crowd.check(rig)
    return len(rig.batches)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_job_may_be_cancelled_at_any_tick(crowd: Crowd, ticks: int, shard: int) -> None:
    for tick in range(shard, ticks, SHARDS):
        rig = crowd.rig()
        crowd.start(rig)
        rig.tick_until(lambda rig=rig, tick=tick: len(rig.batches) >= tick)  # type: ignore[misc]
        over = rig.ends().get("victim")
        rig.engine.cancel(JobId("victim"))
        assert rig.ends()["victim"] == (over or "cancelled")
        rig.tick_until_idle()
        crowd.check(rig, "victim")


@pytest.mark.parametrize(
    ("job", "kind"), [("layout", EncodeBoxes), ("looks", ReadPicture), ("large", UpscalePixels)]
)
def test_a_job_may_be_cancelled_while_it_waits_for_what_no_other_needs(
    crowd: Crowd, job: str, kind: type[Work]
) -> None:
    rig = crowd.rig()
    crowd.start(rig)

    def waits() -> bool:
        return any(
            member.job.id == job and member.waits_for and isinstance(member.work, kind)
            for member in rig.engine._programs
        )

    rig.tick_until(waits)
    rig.engine.cancel(JobId(job))
    assert rig.ends()[job] == "cancelled"
    rig.tick_until_idle()
    assert not rig.works(kind)
    crowd.check(rig, job)


class _FailsAt:
    """Goes on with a program until it has yielded so often; None lets it come to its end."""

    def __init__(self, place: int | None) -> None:
        self.place, self.yields = place, 0

    def __call__(self, program: Program) -> Program:
        """The program, which fails there."""
        answer: object = None
        for step in itertools.count():
            if step == self.place:
                raise ZeroDivisionError("odd")
            try:
                wanted = program.send(answer)
            except StopIteration as finished:
                return finished.value  # type: ignore[no-any-return]
            self.yields = max(self.yields, step + 1)
            answer = yield wanted
        raise AssertionError


def test_a_program_may_fail_anywhere(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first piece of work, after each one and each note of a step, and at its very end."""
    whole = _FailsAt(None)
    for_the_victim(monkeypatch, whole)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    crowd.check(rig)
    assert whole.yields > 6
    for place in range(whole.yields + 1):
        for_the_victim(monkeypatch, _FailsAt(place))
        rig = crowd.rig()
        rig.finish(*crowd.orders)
        assert rig.ends()["victim"] == "failed"
        assert "ZeroDivisionError: odd" in rig.error("victim")
        crowd.check(rig, "victim")


RAISING = """
from webui.hooks.specs import hookimpl

CALLS = [0]

def called(point, arguments):
    CALLS[0] += point == arguments.which
    if point == arguments.which and CALLS[0] == arguments.at:
        raise ValueError("enough")

@hookimpl
def change_conditioning(conditioning, arguments):
    called("conditioning", arguments)

@hookimpl
def change_latent(latent, arguments):
    called("latent", arguments)

@hookimpl
def change_guidance(guided, arguments):
    called("guidance", arguments)

@hookimpl
def change_denoised(denoised, arguments):
    called("denoised", arguments)

@hookimpl
def change_sampled(latent, arguments):
    called("sampled", arguments)

@hookimpl
def change_picture(pixels, arguments):
    called("picture", arguments)

@hookimpl
def wrap_program(program, arguments):
    called("program", arguments)
"""
WHICH = """
from pydantic import BaseModel

class Which(BaseModel):
    which: str = ""
    at: int = 0
"""


@pytest.mark.parametrize("point", POINTS)
def test_a_hook_may_raise_whenever_it_is_called(crowd: Crowd, tmp_path: Path, point: str) -> None:
    folder = write_extension(tmp_path, "raising", worker=RAISING, arguments=WHICH, model="Which")
    victim, *others = crowd.orders
    for call in range(1, 20):
        named = {"extensions": {"raising": {"which": point, "at": call}}}
        rig = crowd.rig()
        rig.engine.extensions.use({"raising": str(folder)})
        rig.finish(replace(victim, request=victim.request.model_copy(update=named)), *others)
        rig.engine.extensions.use({})  # the next run begins to count anew
        if rig.ends()["victim"] == "done":  # it was called less often than that
            break
        assert "The extension 'raising' failed" in rig.error("victim")
        assert "enough" in rig.error("victim")
        crowd.check(rig, "victim")
    steps = victim.request.steps if point in ("latent", "guidance", "denoised") else 1
    assert call > steps * victim.request.count


def test_a_program_may_end_with_what_is_no_picture(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(program: Program) -> Program:
        yield from ()
        program.close()
        return None  # type: ignore[return-value]

    for_the_victim(monkeypatch, empty)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    assert "ended with None" in rig.error("victim")
    crowd.check(rig, "victim")


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

    for_the_victim(monkeypatch, stubborn)
    rig = crowd.rig()
    crowd.start(rig)
    rig.tick_until(lambda: bool(rig.batches))
    rig.engine.cancel(JobId("victim"))
    assert rig.ends() == {"victim": "cancelled"}
    rig.tick_until_idle()
    crowd.check(rig, "victim")


def test_a_preview_may_fail(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Preview:
        raise RuntimeError("no encoder")

    monkeypatch.setattr(previewer_module, "preview", fail)
    rig = crowd.rig()
    rig.finish(*crowd.orders)
    crowd.check(rig)
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
    crowd.check(rig, "victim")


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
