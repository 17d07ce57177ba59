"""A queue that somebody paused."""

from __future__ import annotations

import time

from tests.services.conftest import Services
from tests.workers.listening import eventually
from webui.contracts.fakes import FakeWorker
from webui.contracts.job import JobState
from webui.services.dispatcher import Dispatcher
from webui.services.gate import QueueGate
from webui.services.settings import SettingsStore


def dispatcher_of(s: Services, gate: QueueGate) -> Dispatcher:
    made = Dispatcher(
        s.jobs,
        s.catalog,
        s.images,
        s.gallery,
        s.events,
        [lambda e: FakeWorker(e, 0.01)],
        is_paused=lambda: gate.is_paused,
    )
    made.start()
    return made


def gate_of(s: Services) -> QueueGate:
    return QueueGate(SettingsStore(s.database), s.events)


def test_what_runs_goes_on_and_what_waits_stays_where_it_is(services: Services) -> None:
    gate = gate_of(services)
    dispatcher = dispatcher_of(services, gate)
    try:
        running = services.submit(width=64, height=64, steps=40)
        eventually(lambda: services.jobs.get(running.id).step > 0)
        gate.pause(True)
        waiting = services.submit(width=64, height=64, steps=2)
        first = services.submit(width=64, height=64, steps=2, priority="High")
        eventually(lambda: services.jobs.get(running.id).state is JobState.DONE)
        time.sleep(0.2)
        assert services.jobs.get(waiting.id).state is JobState.QUEUED
        gate.pause(False)
        eventually(lambda: services.jobs.get(waiting.id).state is JobState.DONE)
        done = services.jobs.get(first.id), services.jobs.get(waiting.id)
        assert (done[0].started or 0) <= (done[1].started or 0)
    finally:
        dispatcher.stop()


def test_it_is_still_paused_after_a_restart(services: Services) -> None:
    gate_of(services).pause(True)
    gate = gate_of(services)
    assert gate.is_paused
    dispatcher = dispatcher_of(services, gate)
    try:
        job = services.submit(width=64, height=64, steps=2)
        time.sleep(0.3)
        assert services.jobs.get(job.id).state is JobState.QUEUED
        gate.pause(False)
        assert not gate_of(services).is_paused
        eventually(lambda: services.jobs.get(job.id).state is JobState.DONE)
    finally:
        dispatcher.stop()
