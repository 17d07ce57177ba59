"""A hook that never comes back costs its own job: who waits for it goes on, and it is switched off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.errors import HookFailed
from webui.contracts.ids import JobId, PictureId
from webui.contracts.request import GenerationRequest
from webui.hooks.host import HookHost, Use
from webui.hooks.patience import (
    DISPATCHED,
    DISPATCHER_SECONDS,
    HOOK_SECONDS,
    Unreturned,
    studio_seconds,
)
from webui.hooks.specs import POINTS, hookimpl

_REQUEST = GenerationRequest(prompt="a boat", seed=7)
_DRAFT = PictureDraft(PictureId("p"), JobId("j"), 0, _REQUEST, 0.0)
SAID = (
    "The extension 'stuck' did not come back from picture_metadata within 0.5 s. It was switched off; where what it "
    "does cannot be ended, it may keep a processor busy until Easel is started anew. Repair it, or leave it out, and try again."
)


class _Acts:
    """Does something at each of its hooks, and gives nothing."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    @hookimpl
    def picture_metadata(self) -> list[TextChunk]:
        self.act()
        return []

    @hookimpl
    def change_request(self) -> None:
        self.act()


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Ends what a test has left behind."""
    event = threading.Event()
    yield event
    event.set()


SHORT = 0.5
"""Seconds that who never comes back is waited for."""
LONG = 40.0
"""Those of whoever does come back, however busy the machine is."""


def _host(*seconds: float, **acts: Callable[[], object]) -> HookHost:
    """Each call may take so many seconds, in the order of the calls; the last number is that of all further ones."""
    left = list(seconds)
    host = HookHost(seconds=lambda _: left.pop(0) if len(left) > 1 else left[0])
    for name, act in acts.items():
        host.register(_Acts(act), name)
    return host


def _texts(host: HookHost) -> list[str]:
    return [name for name, _ in host.collect("picture_metadata", list, draft=_DRAFT)]


def _change(host: HookHost, name: str) -> GenerationRequest:
    return host.change("change_request", _REQUEST, lambda given: given, [Use(name, None)])


def test_one_that_never_comes_back_is_named_once_and_the_others_are_asked(
    over: threading.Event,
) -> None:
    host, told = _host(SHORT, LONG, stuck=over.wait, good=lambda: None), list[Unreturned]()
    host.patience.on_endless = told.append
    assert _texts(host) == ["good"]
    started = time.monotonic()
    assert _texts(host) == ["good"]  # it is waited for once
    with pytest.raises(HookFailed, match="'stuck' did not come back from picture_metadata"):
        _change(host, "stuck")
    assert time.monotonic() - started < LONG / 2
    (failure,) = [each for each in host.failures() if each.kind != "slow"]
    assert (failure.extension, failure.kind, failure.message) == ("stuck", "endless", SAID)
    assert "in act" in failure.trace or "self.act()" in failure.trace
    assert [str(each) for each in told] == [SAID]
    assert told[0].thread.is_alive()


def test_one_whose_thread_has_not_begun_yet_is_named_all_the_same(
    over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is busy with others may leave it waiting for longer than the call may take."""

    class Busy:
        def run(self, act: Callable[[], object]) -> None:
            over.wait()
            act()

    host = _host(0.01, stuck=lambda: None)
    monkeypatch.setattr("webui.hooks.loading.copy_context", Busy)
    with pytest.raises(Unreturned, match="'stuck' did not come back from change_request"):
        _change(host, "stuck")
    assert [(f.extension, f.kind) for f in host.failures()] == [("stuck", "endless")]


def test_a_loop_that_burns_a_processor_lets_the_others_go_on(over: threading.Event) -> None:
    def spin() -> None:
        while not over.is_set():
            pass

    host = _host(SHORT, LONG, stuck=spin, good=lambda: None)
    with pytest.raises(Unreturned):
        _change(host, "stuck")
    started = time.monotonic()
    for _ in range(20):
        assert _texts(host) == ["good"]
    assert time.monotonic() - started < LONG / 2


def test_a_call_inside_another_is_a_part_of_it_and_the_innermost_is_blamed(
    over: threading.Event,
) -> None:
    host = _host(SHORT, LONG, outer=lambda: _change(host, "inner"), inner=over.wait)
    with pytest.raises(Unreturned, match="'inner' did not come back from change_request"):
        _change(host, "outer")
    assert [(f.extension, f.kind) for f in host.failures()] == [("inner", "endless")]
    host.unregister("inner")
    host.register(_Acts(lambda: None), "inner")
    assert _change(host, "outer") == _REQUEST


def test_what_was_taken_out_meanwhile_is_blamed_on_nobody(over: threading.Event) -> None:
    def changes_places() -> None:
        host.unregister("stuck")
        host.register(_Acts(lambda: None), "stuck")
        over.wait()

    host, told = _host(SHORT, LONG, stuck=changes_places), list[Unreturned]()
    host.patience.on_endless = told.append
    with pytest.raises(Unreturned) as caught:
        _change(host, "stuck")
    assert (caught.value.extension, told, host.failures()) == ("stuck", [], ())
    assert _texts(host) == ["stuck"]


def test_what_it_raises_is_raised_and_easels_own_are_called_where_they_are_asked() -> None:
    threads: list[int] = []

    def here() -> None:
        threads.append(threading.get_ident())

    def fails() -> None:
        raise ValueError("no")

    host = _host(LONG, fails=fails, there=here, **{"easel.own": here})
    with pytest.raises(HookFailed, match="'fails' failed when it had to change the request: no"):
        _change(host, "fails")
    _change(host, "easel.own")
    _change(host, "there")
    assert [each == threading.get_ident() for each in threads] == [True, False]


def test_who_cannot_be_switched_off_holds_nobody_up(
    over: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: Unreturned) -> None:
        raise OSError("the disk is full")

    host = _host(SHORT, stuck=over.wait)
    host.patience.on_endless = full
    with pytest.raises(Unreturned):
        _change(host, "stuck")
    assert "could not be switched off" in caplog.text


def test_the_dispatcher_waits_less_for_what_it_waits_for_with_every_job() -> None:
    assert {studio_seconds(hook) for hook in DISPATCHED} == {DISPATCHER_SECONDS}
    assert studio_seconds("change_request") == HOOK_SECONDS
    for hook in DISPATCHED:
        assert POINTS[hook].process == "studio"
