"""Workers are started again with growing pauses, and their state is told."""

from __future__ import annotations

from webui.contracts.messages import Command, ModelReady, WorkerEvent, WorkerReady
from webui.services.supervisor import LONGEST_PAUSE_SECONDS, Supervisor
from webui.workers.protocol import OnEvent


class _Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Worker:
    """Notes what it is told; speaks only when the test makes it."""

    pid = 42

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.calls: list[object] = []

    def start(self) -> None:
        self.calls.append("start")

    def send(self, command: Command) -> None:
        self.calls.append(command)

    def stop(self, timeout: float) -> None:
        self.calls.append("stop")


class _Unstartable(_Worker):
    def start(self) -> None:
        raise OSError("no such program")


class _Setup:
    """A supervisor and all that surrounds it."""

    def __init__(self, kind: type[_Worker] = _Worker) -> None:
        self.clock, self.workers = _Clock(), list[_Worker]()
        self.heard, self.told = list[tuple[int, WorkerEvent]](), list[str]()

        def make(on_event: OnEvent) -> _Worker:
            self.workers.append(kind(on_event))
            return self.workers[-1]

        self.supervisor = Supervisor(
            make, lambda life, event: self.heard.append((life, event)), self._note, self.clock
        )

    def _note(self) -> None:
        self.told.append(self.supervisor.status().state)

    def end_and_measure_the_pause(self) -> float:
        self.supervisor.ended("Gone.")
        pause = self.supervisor.seconds_until_due()
        assert pause is not None
        self.clock.now += pause
        self.supervisor.start_if_due()
        return pause


def test_the_first_worker_is_started_at_once() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    setup.supervisor.start_if_due()
    assert [worker.calls for worker in setup.workers] == [["start"]]
    assert setup.supervisor.status().pid == 42


def test_pauses_double_up_to_the_longest() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    pauses = [setup.end_and_measure_the_pause() for _ in range(9)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, LONGEST_PAUSE_SECONDS]


def test_a_finished_job_makes_the_next_pause_short_again() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    for _ in range(3):
        setup.end_and_measure_the_pause()
    setup.supervisor.proved()
    assert setup.end_and_measure_the_pause() == 0.5


def test_no_worker_is_started_before_its_time() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    setup.supervisor.ended("Gone.")
    setup.clock.now += 0.4
    setup.supervisor.start_if_due()
    assert len(setup.workers) == 1


def test_a_worker_that_cannot_be_started_is_tried_again() -> None:
    setup = _Setup(_Unstartable)
    setup.supervisor.start_if_due()
    assert "no such program" in setup.supervisor.status().detail
    assert setup.supervisor.seconds_until_due() == 0.5


def test_the_state_is_told_and_kept() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    setup.supervisor.ready(WorkerReady("cpu", 9))
    setup.supervisor.loaded(ModelReady("starter/text", 1.25, 700))
    status = setup.supervisor.status()
    assert (status.state, status.device, status.resident_bytes) == ("ready", "cpu", 700)
    assert setup.told == ["starting", "ready", "ready"]
    assert setup.supervisor.is_ready


def test_words_of_a_worker_come_with_the_number_of_its_life() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    setup.end_and_measure_the_pause()
    for worker in setup.workers:
        worker.on_event(WorkerReady("cpu", 0))
    assert [life for life, _ in setup.heard] == [1, 2]


def test_after_stop_no_worker_is_started() -> None:
    setup = _Setup()
    setup.supervisor.start_if_due()
    setup.supervisor.stop(1.0)
    setup.clock.now += 100
    setup.supervisor.start_if_due()
    assert [worker.calls for worker in setup.workers] == [["start", "stop"]]
    assert setup.supervisor.status().state == "gone"
