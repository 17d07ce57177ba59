"""Waiting for a request, whatever happens to the studio meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

from tests.api.conftest import fake_settings
from webui.api.sdapi.options import Client
from webui.api.sdapi.runs import Runs
from webui.app import Studio, build_studio
from webui.contracts.errors import InvalidField
from webui.contracts.job import JobState
from webui.contracts.request import GenerationRequest

ME = Client("here", "me")
ORDER = GenerationRequest(prompt="x", steps=1000, width=64, height=64)


async def stopped_while_waiting(studio: Studio) -> None:
    runs = Runs(studio.context, studio.streams)
    waiting = asyncio.create_task(runs.draw(ME, "", ORDER, 2))
    while (run := runs.newest(ME)) is None or len(run.jobs) < 2:
        await asyncio.sleep(0.01)
    studio.streams.close()
    with pytest.raises(HTTPException, match="goes on at its next start"):
        await waiting


def test_a_stop_of_the_studio_ends_the_waiting_and_not_the_jobs(tmp_path: Path) -> None:
    studio = build_studio(fake_settings(tmp_path))
    asyncio.run(stopped_while_waiting(studio))
    assert studio.context.jobs.counts()[JobState.QUEUED] == 2
    studio.stop()


def test_a_request_that_is_refused_is_nowhere_in_the_queue(tmp_path: Path) -> None:
    studio = build_studio(fake_settings(tmp_path))
    too_far = ORDER.model_copy(update={"seed": 2**32 - 2, "count": 3})
    runs = Runs(studio.context, studio.streams)
    with pytest.raises(InvalidField, match="seed"):
        asyncio.run(runs.draw(ME, "", too_far, 2))
    assert studio.context.jobs.list() == ()
    assert runs.newest(ME) is None
    studio.stop()
