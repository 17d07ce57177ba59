"""Waiting jobs go into a file and come out of it, here or elsewhere; a bad file changes nothing."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.services.conftest import Services, make_services
from webui.contracts.errors import BadRequest
from webui.contracts.ids import ImageId
from webui.contracts.job import JobState
from webui.services.queue_file import MAX_JOBS, QueueFile


def _file(services: Services) -> QueueFile:
    return QueueFile(services.jobs, services.images)


def _png(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Services:
    """Another studio, which has nothing of this one's."""
    return make_services(tmp_path / "elsewhere")


def test_the_waiting_jobs_come_back_in_their_order(services: Services, elsewhere: Services) -> None:
    done, second = services.submit("done"), services.submit("second", seed=5, steps=7)
    first = services.submit("first", priority="High", negative_prompt="дождь")
    services.jobs.mark_running(done.id)
    taken = _file(elsewhere).take_in(_file(services).write())
    assert taken.refused == ()
    assert [job.request for job in elsewhere.jobs.waiting()] == [first.request, second.request]
    assert [job.id for job in services.jobs.waiting()] == [first.id, second.id]


def test_they_stand_behind_what_waits_already(services: Services) -> None:
    saved = services.submit("saved")
    data = _file(services).write()
    services.jobs.cancel(saved.id)
    present = services.submit("present")
    _file(services).take_in(data)
    waiting = services.jobs.waiting()
    assert [job.request.prompt for job in waiting] == ["present", "saved"]
    assert waiting[0].id == present.id


def test_pictures_that_jobs_name_go_along(services: Services, elsewhere: Services) -> None:
    image, mask = services.images.put(_png("red")), services.images.put(_png("white"))
    services.submit("marked", image=image, mask=mask)
    _file(elsewhere).take_in(_file(services).write())
    (there,) = elsewhere.jobs.waiting()
    for mine, theirs in ((image, there.request.image), (mask, there.request.mask)):
        with (
            Image.open(services.images.path(mine)) as one,
            Image.open(elsewhere.images.path(theirs or ImageId(""))) as other,
        ):
            assert one.tobytes() == other.tobytes()


def test_what_was_ordered_together_stands_together_and_by_itself(services: Services) -> None:
    for prompt in ("one", "two"):
        services.submit(prompt, batch="together")
    services.submit("alone")
    _file(services).take_in(_file(services).write())
    batches = [job.request.batch for job in services.jobs.waiting()]
    assert batches[:3] == ["together", "together", ""]
    assert batches[3] == batches[4] != "together"
    assert batches[5] == ""


def test_a_job_that_cannot_be_drawn_here_is_named_and_the_others_are_taken(
    services: Services,
) -> None:
    for prompt in ("one", "two", "three"):
        services.submit(prompt)
    told = json.loads(_file(services).write())
    told["jobs"][1]["model"] = "not/here"
    told["jobs"][2]["steps"] = -1
    taken = _file(services).take_in(json.dumps(told).encode())
    assert [job.request.prompt for job in taken.jobs] == ["one"]
    assert [one.name for one in taken.refused] == ["Job 2", "Job 3"]
    assert "not/here" in taken.refused[0].reason
    assert "steps" in taken.refused[1].reason.lower()


def _told(**changes: Any) -> bytes:
    whole = {"kind": "easel-queue", "version": 1, "jobs": [], "images": {}}
    return json.dumps({**whole, **changes}).encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cannot be read as a saved queue"),
        (b"\x89PNG\r\n", "cannot be read as a saved queue"),
        (b"[" * 100_000, "cannot be read as a saved queue"),
        (b'{"kind": 1e' + b"9" * 5000 + b"}", "is no saved queue"),
        (b"[]", "is no saved queue"),
        (b'{"jobs": []}', "is no saved queue"),
        (_told(version=2), "version '2'"),
        (_told(jobs={"a": 1}), "is damaged"),
        (_told(images=["x"]), "is damaged"),
        (_told(jobs=[{}] * (MAX_JOBS + 1)), "at most"),
        (_told(jobs=["x", 3, None, {}]), "None of the 4 jobs"),
        (_told(jobs=[{"prompt": "a", "image": "0" * 64}]), "None of the 1 jobs"),
    ],
)
def test_a_bad_file_is_a_sentence_and_changes_nothing(
    services: Services, data: bytes, sentence: str
) -> None:
    waiting = services.submit()
    with pytest.raises(BadRequest, match=sentence):
        _file(services).take_in(data)
    assert [job.id for job in services.jobs.waiting()] == [waiting.id]


def test_a_damaged_picture_is_named_by_the_jobs_that_need_it(services: Services) -> None:
    jobs = [{"prompt": "a", "image": "0" * 64}, {"prompt": "b"}]
    damaged = {"0" * 64: base64.b64encode(b"no picture").decode(), "../x": 3}
    taken = _file(services).take_in(_told(jobs=jobs, images=damaged))
    assert [job.request.prompt for job in taken.jobs] == ["b"]
    assert "0" * 64 in taken.refused[0].reason


def test_a_queue_that_is_taken_in_is_recorded_whole_or_not_at_all(services: Services) -> None:
    checked = [services.jobs.check(services.submit(prompt).request) for prompt in ("one", "two")]
    before = services.jobs.counts()[JobState.QUEUED]
    with pytest.raises(Exception, match="UNIQUE"):
        services.jobs.queue_all([*checked, checked[0]])
    assert services.jobs.counts()[JobState.QUEUED] == before
