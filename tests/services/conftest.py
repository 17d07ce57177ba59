"""A studio's services in a temporary folder, with the real database, hooks and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine

from webui.contracts.events import Event
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.job import Job
from webui.contracts.request import GenerationRequest
from webui.hooks.builtin import BUILTIN
from webui.hooks.host import HookHost
from webui.hooks.studio import StudioExtensions
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.events import EventBus
from webui.services.gallery import Gallery
from webui.services.images import ImageStore
from webui.services.jobs import JobService
from webui.services.wording import WordSources


@dataclass
class Services:
    """All services below the dispatcher, and what they told."""

    folder: Path
    database: Engine
    events: EventBus
    hooks: StudioExtensions
    catalog: Catalog
    images: ImageStore
    jobs: JobService
    gallery: Gallery
    told: list[Event] = field(default_factory=list)

    def submit(self, prompt: str = "a boat", **fields: object) -> Job:
        return self.jobs.submit(GenerationRequest.model_validate({"prompt": prompt, **fields}))


def make_services(folder: Path) -> Services:
    database, events = open_database(folder / "easel.sqlite"), EventBus()
    hooks = StudioExtensions(HookHost())
    for name, module in BUILTIN:
        hooks.host.register(module, name)
    catalog = Catalog([folder / "models"], built_in=[FAKE_CHECKPOINT])
    images = ImageStore(folder / "outputs" / ".images")
    jobs = JobService(database, catalog, images, events, sources=WordSources.below(folder))
    gallery = Gallery(database, folder / "outputs", events, hooks)
    made = Services(folder, database, events, hooks, catalog, images, jobs, gallery)
    events.subscribe(made.told.append)
    return made


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = make_services(tmp_path)
    yield made
    made.database.dispose()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """An empty one."""
    made = open_database(tmp_path / "easel.sqlite")
    yield made
    made.dispose()
