"""The bus tells everyone, whoever fails."""

from __future__ import annotations

import logging

import pytest

from webui.contracts.events import Event, WorkerChanged
from webui.services.events import EventBus

_EVENT = WorkerChanged("ready", "cpu", "Ready.")


def test_every_listener_hears_every_event_in_order() -> None:
    bus, heard = EventBus(), list[tuple[str, Event]]()
    bus.subscribe(lambda event: heard.append(("first", event)))
    bus.subscribe(lambda event: heard.append(("second", event)))
    bus.publish(_EVENT)
    assert heard == [("first", _EVENT), ("second", _EVENT)]


def test_a_failing_listener_is_logged_and_the_others_hear(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = EventBus(), list[Event]()

    def fail(event: Event) -> None:
        raise RuntimeError("no ears")

    bus.subscribe(fail)
    bus.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        bus.publish(_EVENT)
    assert heard == [_EVENT]
    assert "no ears" in caplog.text


def test_an_unsubscribed_listener_hears_no_more() -> None:
    bus, heard = EventBus(), list[Event]()
    unsubscribe = bus.subscribe(heard.append)
    unsubscribe()
    unsubscribe()
    bus.publish(_EVENT)
    assert heard == []


def test_a_listener_may_subscribe_and_unsubscribe_while_it_is_told() -> None:
    bus, heard = EventBus(), list[Event]()

    def change(_: Event) -> None:
        undo()
        bus.subscribe(heard.append)

    undo = bus.subscribe(change)
    bus.publish(_EVENT)
    bus.publish(_EVENT)
    assert heard == [_EVENT]
