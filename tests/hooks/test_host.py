"""The host calls extensions one by one, names the one that fails, and goes on where it may."""

from __future__ import annotations

import logging

import pytest

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.errors import HookFailed
from webui.contracts.events import JobChanged, WorkerChanged
from webui.contracts.ids import JobId, PictureId
from webui.contracts.job import Job, JobState
from webui.contracts.request import GenerationRequest
from webui.hooks.builtin import BUILTIN
from webui.hooks.host import MAX_FAILURES, HookHost
from webui.hooks.specs import hookimpl

_REQUEST = GenerationRequest(prompt="a boat", seed=7)
_DRAFT = PictureDraft(PictureId("p"), JobId("j"), 0, _REQUEST, 0.0)
_JOB = Job(JobId("j"), _REQUEST, JobState.DONE, 1, 1, None, 1, 0.0, 0.0, 0.0)


class _Good:
    """Uses every hook; takes a part of the arguments only."""

    def __init__(self, word: str, name: str | None = None) -> None:
        self.word, self.name, self.heard = word, name, list[JobId]()

    @hookimpl
    def picture_metadata(self) -> list[TextChunk]:
        return [TextChunk("word", self.word), TextChunk(self.word, "mine")]

    @hookimpl
    def picture_file_name(self, draft: PictureDraft) -> str | None:
        return self.name

    @hookimpl
    def job_changed(self, job: Job) -> None:
        self.heard.append(job.id)


class _Failing:
    """Fails in every hook."""

    @hookimpl
    def picture_metadata(self) -> list[TextChunk]:
        raise RuntimeError("no words")

    @hookimpl
    def picture_file_name(self) -> str:
        raise RuntimeError("no name")

    @hookimpl
    def job_changed(self) -> None:
        raise RuntimeError("no ears")


class _Giving:
    """Gives something that is no text for a picture."""

    def __init__(self, given: object) -> None:
        self.given = given

    @hookimpl
    def picture_metadata(self) -> object:
        return self.given


def _host(**extensions: object) -> HookHost:
    host = HookHost()
    for name, extension in extensions.items():
        host.register(extension, name)
    return host


def test_collected_texts_are_joined_and_the_first_of_a_keyword_stays() -> None:
    chunks = _host(one=_Good("first"), two=_Good("second")).picture_metadata(_DRAFT)
    assert [(c.keyword, c.text) for c in chunks] == [
        ("word", "first"),
        ("first", "mine"),
        ("second", "mine"),
    ]


def test_a_failing_collector_is_named_and_the_others_are_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = _host(bad=_Failing(), good=_Good("w"))
    with caplog.at_level(logging.ERROR):
        assert len(host.picture_metadata(_DRAFT)) == 2
    assert "'bad' failed in picture_metadata" in caplog.text
    assert "no words" in caplog.text
    assert [(f.extension, f.hook, f.message) for f in host.failures()] == [
        ("bad", "picture_metadata", "RuntimeError: no words")
    ]


@pytest.mark.parametrize(
    "given", [3, ["text"], [TextChunk("", "x")], [TextChunk("k" * 80, "x")], [TextChunk("船", "x")]]
)
def test_texts_that_a_png_cannot_hold_are_left_out_and_named(given: object) -> None:
    host = _host(odd=_Giving(given))
    assert host.picture_metadata(_DRAFT) == ()
    assert [f.extension for f in host.failures()] == ["odd"]


def test_an_extension_may_give_nothing() -> None:
    host = _host(quiet=_Giving(None))
    assert (host.picture_metadata(_DRAFT), host.failures()) == ((), ())


def test_the_latest_registered_decides_first_and_may_leave_it_to_the_next() -> None:
    assert (
        _host(one=_Good("a", "first"), two=_Good("b", "second")).picture_file_name(_DRAFT)
        == "second"
    )
    assert _host(one=_Good("a", "first"), two=_Good("b", None)).picture_file_name(_DRAFT) == "first"


def test_a_failing_decision_is_an_error_that_names_the_extension() -> None:
    with pytest.raises(
        HookFailed, match=r"'bad' failed when it had to name the picture's file: no name"
    ):
        _host(good=_Good("a", "name"), bad=_Failing()).picture_file_name(_DRAFT)


def test_no_name_at_all_is_an_error() -> None:
    with pytest.raises(HookFailed, match="No extension gave a name"):
        HookHost().picture_file_name(_DRAFT)


def test_a_failing_observer_is_named_and_the_others_hear(caplog: pytest.LogCaptureFixture) -> None:
    good = _Good("w")
    _host(good=good, bad=_Failing()).observe(JobChanged(_JOB))
    assert good.heard == ["j"]
    assert "'bad' failed in job_changed" in caplog.text


def test_observers_of_jobs_hear_of_jobs_only() -> None:
    good = _Good("w")
    _host(good=good).observe(WorkerChanged("ready", "cpu", "Ready."))
    assert good.heard == []


def test_the_list_of_failures_does_not_grow_without_end() -> None:
    host = _host(bad=_Failing())
    for _ in range(MAX_FAILURES + 5):
        host.job_changed(_JOB)
    assert len(host.failures()) == MAX_FAILURES


class _UnknownArgument:
    @hookimpl
    def picture_metadata(self, colour: str) -> list[TextChunk]:
        return []


class _UnknownHook:
    @hookimpl
    def picture_metadatum(self) -> list[TextChunk]:
        return []


@pytest.mark.parametrize("extension", [_UnknownArgument(), _UnknownHook()])
def test_an_extension_that_does_not_fit_is_refused_whole(extension: object) -> None:
    host = _host(good=_Good("w"))
    with pytest.raises(HookFailed, match="'misfit' cannot be used"):
        host.register(extension, "misfit")
    assert host.extensions() == ("good",)
    assert len(host.picture_metadata(_DRAFT)) == 2


def test_a_name_is_used_once() -> None:
    host = _host(good=_Good("w"))
    with pytest.raises(HookFailed, match="'good' cannot be used"):
        host.register(_Good("other"), "good")
    assert host.extensions() == ("good",)


def test_two_hosts_do_not_share_extensions() -> None:
    _host(good=_Good("w"))
    assert HookHost().extensions() == ()


def test_easels_own_extensions_fit() -> None:
    host = HookHost()
    for name, module in BUILTIN:
        host.register(module, name)
    assert host.extensions() == ("easel.png_metadata", "easel.file_names")
    assert {c.keyword for c in host.picture_metadata(_DRAFT)} == {"parameters", "easel"}
