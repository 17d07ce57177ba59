"""Dispatchers that are stopped after their test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.conftest import Services
from tests.services.dispatcher.queued import (
    MakeWorker,
    Start,
    quick,
)
from tests.services.scripted import Scripted
from tests.workers.listening import eventually
from webui.services.catalog import Catalog
from webui.services.dispatcher import Dispatcher
from webui.workers.protocol import OnEvent


@pytest.fixture
def start(services: Services) -> Iterator[Start]:
    made: list[Dispatcher] = []

    def begin(
        make: MakeWorker = quick, capacity: int = 16, catalog: Catalog | None = None
    ) -> Dispatcher:
        s = services
        known = catalog or s.catalog
        made.append(Dispatcher(s.jobs, known, s.images, s.gallery, s.events, [make], capacity))
        made[-1].start()
        return made[-1]

    yield begin
    for dispatcher in made:
        dispatcher.stop()


@pytest.fixture
def scripts(start: Start) -> list[Scripted]:
    """All lives of a scripted worker, the first already begun."""
    workers: list[Scripted] = []

    def make(on_event: OnEvent) -> Scripted:
        workers.append(Scripted(on_event))
        return workers[-1]

    start(make)
    eventually(lambda: bool(workers))
    return workers


@pytest.fixture
def scripted(scripts: list[Scripted]) -> Scripted:
    return scripts[0]
