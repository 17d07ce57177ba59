"""The host calls extensions one by one, names the one that fails, and goes on where it may."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from typing import Any

import pytest

from tests.workers.listening import SECONDS, eventually
from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.errors import HookFailed
from webui.contracts.extension import HookFailure
from webui.contracts.ids import JobId, PictureId
from webui.contracts.job import Job, JobState
from webui.contracts.request import GenerationRequest
from webui.hooks.failures import MAX_FAILURES, FailureLog
from webui.hooks.host import Decision, HookHost, Own, Use
from webui.hooks.specs import hookimpl

_REQUEST = GenerationRequest(prompt="a boat", seed=7)
_DRAFT = PictureDraft(PictureId("p"), JobId("j"), 0, _REQUEST, 0.0)
_JOB = Job(JobId("j"), _REQUEST, JobState.DONE, 1, 1, None, 1, 0.0, 0.0, 0.0)


class _Good:
    """Uses a hook of each kind; takes a part of the arguments only."""

    def __init__(self, word: str = "w", name: str | None = None) -> None:
        self.word, self.name, self.heard = word, name, list[JobId]()

    @hookimpl
    def picture_metadata(self) -> list[TextChunk]:
        return [TextChunk("word", self.word)]

    @hookimpl
    def picture_file_name(self, draft: PictureDraft) -> str | None:
        return self.name

    @hookimpl
    def change_request(self, request: GenerationRequest, arguments: str) -> GenerationRequest:
        return request.model_copy(update={"prompt": f"{request.prompt} {self.word} {arguments}"})

    @hookimpl
    def job_changed(self, job: Job) -> None:
        self.heard.append(job.id)


class _Failing:
    """Fails in each of them."""

    @hookimpl
    def picture_metadata(self) -> list[TextChunk]:
        raise RuntimeError("no words")

    @hookimpl
    def picture_file_name(self) -> str:
        raise RuntimeError("no name")

    @hookimpl
    def change_request(self) -> GenerationRequest:
        raise RuntimeError("no change")

    @hookimpl
    def job_changed(self) -> None:
        raise RuntimeError("no ears")


def _host(**extensions: object) -> HookHost:
    host = HookHost()
    for name, extension in extensions.items():
        host.register(extension, name)
    return host


def _decided(
    host: HookHost, named: Collection[str] = (), checked: Callable[[str], str] = str
) -> Decision[str]:
    return host.decide("picture_file_name", "name it", checked, named, draft=_DRAFT)


def _change(host: HookHost, *uses: Use) -> str:
    return host.change("change_request", _REQUEST, lambda given: given, uses).prompt


def test_what_is_collected_comes_with_its_names_in_order() -> None:
    answers = _host(one=_Good("1"), two=_Good("2")).collect("picture_metadata", list, draft=_DRAFT)
    assert [(name, chunks[0].text) for name, chunks in answers] == [("one", "1"), ("two", "2")]


def test_a_failing_collector_is_named_and_the_others_are_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = _host(bad=_Failing(), good=_Good())
    with caplog.at_level(logging.ERROR):
        answers = host.collect("picture_metadata", list, draft=_DRAFT)
    assert [name for name, _ in answers] == ["good"]
    assert "'bad' failed in picture_metadata" in caplog.text
    failure = host.failures()[0]
    assert (failure.extension, failure.hook) == ("bad", "picture_metadata")
    assert failure.message == "RuntimeError: no words"
    assert "test_host.py" in failure.trace


def test_what_a_check_refuses_is_left_out_and_named() -> None:
    def refuse(given: object) -> object:
        raise TypeError(f"{given!r} is not what was wanted")

    host = _host(odd=_Good())
    assert host.collect("picture_metadata", refuse, draft=_DRAFT) == []
    assert [f.extension for f in host.failures()] == ["odd"]


def test_the_latest_registered_decides_first_and_may_leave_it_to_the_next() -> None:
    def decided(**extensions: object) -> object:
        return _decided(_host(**extensions))

    assert decided(one=_Good(name="first"), two=_Good(name="second")) == Decision("two", "second")
    assert decided(one=_Good(name="first"), two=_Good()) == Decision("one", "first")


def test_a_decision_that_fails_is_an_error_where_it_is_named_and_else_the_next_ones() -> None:
    host = _host(good=_Good(name="n"), bad=_Failing())
    with pytest.raises(HookFailed, match=r"'bad' failed when it had to name it: no name"):
        _decided(host, named=("bad",))
    assert _decided(host, named=("good",)) == Decision("good", "n", ("bad",))
    assert [(f.extension, f.hook) for f in host.failures()] == [("bad", "picture_file_name")] * 2


def test_a_decision_that_is_refused_is_the_next_ones() -> None:
    def checked(name: str) -> str:
        if name == "odd":
            raise ValueError("no name")
        return name

    host = _host(good=_Good(name="n"), bad=_Good(name="odd"))
    assert _decided(host, checked=checked) == Decision("good", "n", ("bad",))


def test_no_decision_at_all_is_an_error() -> None:
    with pytest.raises(HookFailed, match="No extension answered when one had to name it"):
        _decided(HookHost())


def test_those_that_are_used_change_in_order_and_the_others_are_not_asked() -> None:
    host = _host(one=_Good("1"), bad=_Failing(), two=_Good("2"))
    assert _change(host, Use("two", "b"), Use("one", "a")) == "a boat 1 a 2 b"
    assert _change(host) == "a boat"
    assert host.failures() == ()


def test_a_failing_change_is_an_error_that_names_the_extension() -> None:
    with pytest.raises(HookFailed, match=r"'bad' failed when it had to change the request: no"):
        _change(_host(good=_Good(), bad=_Failing()), Use("good", ""), Use("bad", None))


def test_a_failing_observer_is_named_and_the_others_hear(caplog: pytest.LogCaptureFixture) -> None:
    good = _Good()
    host = _host(bad=_Failing(), good=good)
    host.observe("job_changed", job=_JOB)
    assert host.settle()
    assert good.heard == ["j"]
    assert "'bad' failed in job_changed" in caplog.text


class _Ears:
    """Does what it is told to when it hears of a job."""

    def __init__(self, act: Callable[[Job], object]) -> None:
        self.act = act

    @hookimpl
    def job_changed(self, job: Job) -> None:
        self.act(job)


def test_an_observer_that_never_ends_holds_nobody_up_and_is_named() -> None:
    over = threading.Event()
    good = _Good()
    host = HookHost(budget_seconds=0.5)
    host.register(_Ears(lambda _: over.wait(SECONDS)), "stuck")
    host.register(good, "good")
    started = time.perf_counter()
    for _ in range(3):
        host.observe("job_changed", job=_JOB)
    assert time.perf_counter() - started < SECONDS / 2
    assert not host.settle(0.05)
    eventually(lambda: good.heard == ["j"] * 3)
    eventually(lambda: host.failures() != ())
    assert [(f.extension, f.hook, f.kind) for f in host.failures()] == [
        ("stuck", "job_changed", "late")
    ]
    over.set()
    host.close()


def test_an_observer_that_was_late_and_came_back_is_slow() -> None:
    host, over = HookHost(budget_seconds=0.02), threading.Event()
    host.register(_Ears(lambda _: over.wait(SECONDS)), "stuck")
    host.observe("job_changed", job=_JOB)
    eventually(lambda: host.failures() != ())
    assert [f.kind for f in host.failures()] == ["late"]
    over.set()
    assert host.settle()
    assert [f.kind for f in host.failures()] == ["slow"]


def test_a_slow_call_is_named_once_for_all() -> None:
    host = HookHost(budget_seconds=0.001)
    host.register(_Ears(lambda _: time.sleep(0.01)), "slow")
    for _ in range(3):
        host.observe("job_changed", job=_JOB)
    assert host.settle()
    failures = host.failures()
    assert [(f.extension, f.kind) for f in failures] == [("slow", "slow")]
    assert "0.001 s is what a call may take" in failures[0].message


def test_each_extension_has_its_own_of_what_differs() -> None:
    heard: list[object] = []
    host = _host(one=_Ears(heard.append), two=_Ears(heard.append))
    host.observe("job_changed", job=Own(lambda name: f"of {name}"))
    assert host.settle()
    assert sorted(map(str, heard)) == ["of one", "of two"]


def test_the_list_of_failures_does_not_grow_without_end() -> None:
    host = _host(bad=_Failing())
    for _ in range(MAX_FAILURES + 5):
        host.collect("picture_metadata", list, draft=_DRAFT)
    assert len(host.failures()) == MAX_FAILURES


class _UnknownArgument:
    @hookimpl
    def picture_metadata(self, colour: str) -> list[TextChunk]:
        return []


class _UnknownHook:
    @hookimpl
    def picture_metadatum(self) -> list[TextChunk]:
        return []


class _OtherProcess:
    @hookimpl
    def change_picture(self, pixels: object) -> object:
        return pixels


class _Async:
    @hookimpl
    async def picture_metadata(self) -> list[TextChunk]:
        return []


class _AsyncGenerator:
    @hookimpl
    async def job_changed(self) -> AsyncIterator[int]:
        yield 1


@pytest.mark.parametrize(
    "extension",
    [_UnknownArgument(), _UnknownHook(), _OtherProcess(), _Async(), _AsyncGenerator()],
)
def test_an_extension_that_does_not_fit_is_refused_whole(extension: object) -> None:
    host = _host(good=_Good())
    with pytest.raises(HookFailed, match="'misfit' cannot be used"):
        host.register(extension, "misfit")
    assert host.extensions() == ("good",)
    assert len(host.collect("picture_metadata", list, draft=_DRAFT)) == 1


def test_why_an_async_hook_is_refused_is_said() -> None:
    with pytest.raises(HookFailed, match=r"job_changed is written with 'async def', which nobody"):
        HookHost().register(_AsyncGenerator(), "late")


async def _later() -> list[TextChunk]:
    return []


class _Coroutines:
    """Plain functions that give what nobody runs."""

    @hookimpl
    def picture_metadata(self) -> Coroutine[Any, Any, list[TextChunk]]:
        return _later()

    @hookimpl
    def job_changed(self) -> Coroutine[Any, Any, list[TextChunk]]:
        return _later()


def test_a_coroutine_is_refused_and_never_merely_left_lying() -> None:
    host = _host(late=_Coroutines())
    assert host.collect("picture_metadata", list, draft=_DRAFT) == []
    host.observe("job_changed", job=_JOB)
    assert host.settle()
    failures = host.failures()
    assert [(f.hook, f.kind) for f in failures] == [
        ("picture_metadata", "failed"), ("job_changed", "failed"),
    ]  # fmt: skip
    assert (
        "gave a coroutine, which nobody runs; a plain function was expected" in failures[1].message
    )


class _Ends:
    @hookimpl
    def picture_metadata(self) -> list[TextChunk]:
        sys.exit(3)


def test_one_that_would_end_the_program_fails_alone() -> None:
    host = _host(ends=_Ends(), good=_Good())
    assert [name for name, _ in host.collect("picture_metadata", list, draft=_DRAFT)] == ["good"]
    assert host.failures()[0].message == "Quit: it raised SystemExit: 3"


def test_a_name_is_used_once() -> None:
    host = _host(good=_Good())
    with pytest.raises(HookFailed, match="'good' cannot be used"):
        host.register(_Good("other"), "good")
    assert host.extensions() == ("good",)


def test_an_extension_that_is_taken_out_is_asked_no_more() -> None:
    host = _host(good=_Good())
    assert host.hooks_of("good") == (
        "change_request", "job_changed", "picture_file_name", "picture_metadata",
    )  # fmt: skip
    host.unregister("good")
    host.unregister("good")
    assert (host.extensions(), host.collect("picture_metadata", list, draft=_DRAFT)) == ((), [])


def test_two_hosts_do_not_share_extensions() -> None:
    _host(good=_Good())
    assert HookHost().extensions() == ()


def test_an_observer_that_does_not_come_back_is_told_once() -> None:
    told: list[HookFailure] = []
    host = HookHost(tell=told.append, budget_seconds=0.02)
    over = threading.Event()
    host.register(_Ears(lambda _: over.wait(SECONDS)), "deaf")
    host.observe("job_changed", job=_JOB)
    eventually(lambda: host.unreturned() != ())
    for _ in range(3):
        time.sleep(0.05)
        host.observe("job_changed", job=_JOB)
    assert [(f.extension, f.hook, f.kind) for f in told] == [("deaf", "job_changed", "late")]
    assert "has not come back" in told[0].message
    over.set()


def test_the_first_call_of_each_hook_is_told() -> None:
    calls: list[tuple[str, str]] = []
    host = HookHost(tell_call=lambda *call: calls.append(call))
    host.register(_Namer(), "namer")
    for _ in range(2):
        _decided(host)
    assert calls == [("namer", "picture_file_name")]
    assert host.called("namer") == {"picture_file_name"}
    host.unregister("namer")
    assert host.called("namer") == set()


class _Namer:
    @hookimpl
    def picture_file_name(self) -> str:
        return "a/b"


def test_one_that_fails_all_the_time_pushes_no_other_out_of_the_log() -> None:
    log = FailureLog("studio")
    log.note("once", "import", ValueError("first"))
    for count in range(2 * MAX_FAILURES):
        log.note("noisy", "palettes", ValueError(str(count)))
    kept = log.all()
    assert len(kept) == MAX_FAILURES
    assert (kept[0].extension, kept[-1].message) == ("once", f"ValueError: {2 * MAX_FAILURES - 1}")
