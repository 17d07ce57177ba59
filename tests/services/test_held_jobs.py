"""Who a worker's death leaves suspect runs alone; the second death ends it, a complete one is done."""

from __future__ import annotations

from tests.services.conftest import Services
from webui.contracts.job import Job, JobState
from webui.contracts.messages import PictureReady
from webui.services.held_jobs import RESERVE, HeldJobs


def _given(services: Services, held: HeldJobs, job: Job) -> None:
    running = services.jobs.mark_running(job.id)
    assert running is not None
    held.add(running)


def test_there_is_room_up_to_the_capacity_and_a_reserve_for_the_hurried(services: Services) -> None:
    held = HeldJobs(services.jobs, services.gallery, 2)
    for job in [services.submit() for _ in range(2)]:
        assert held.has_room_for(job)
        _given(services, held, job)
    assert not held.has_room_for(services.submit())
    for _ in range(RESERVE):
        hurried = services.submit(priority="High")
        assert held.has_room_for(hurried)
        _given(services, held, hurried)
    assert not held.has_room_for(services.submit(priority="High"))


def test_after_a_death_each_is_tried_alone_and_fails_the_second_time(services: Services) -> None:
    held = HeldJobs(services.jobs, services.gallery, 4)
    suspect, other = services.submit("suspect"), services.submit("other")
    for job in (suspect, other):
        _given(services, held, job)
    held.worker_died("It was killed.")
    assert [services.jobs.get(j.id).state for j in (suspect, other)] == [JobState.QUEUED] * 2
    assert len(held) == 0
    _given(services, held, suspect)
    assert not held.has_room_for(other)
    held.worker_died("It was killed.")
    ended = services.jobs.get(suspect.id)
    assert ended.state is JobState.FAILED
    assert "2 times" in (ended.error or "")
    assert "It was killed." in (ended.error or "")
    assert held.has_room_for(other)


def test_a_suspect_waits_until_the_others_are_through(services: Services) -> None:
    held = HeldJobs(services.jobs, services.gallery, 4)
    suspect = services.submit("suspect")
    _given(services, held, suspect)
    held.worker_died("")
    other = services.submit("other")
    _given(services, held, other)
    assert not held.has_room_for(suspect)
    held.drop(other.id)
    assert held.has_room_for(suspect)


def test_a_job_whose_pictures_are_all_there_is_done_whoever_ends(services: Services) -> None:
    for end in ("worker_died", "studio_ends"):
        held = HeldJobs(services.jobs, services.gallery, 4)
        whole, part = services.submit(width=64, height=64), services.submit()
        for job in (whole, part):
            _given(services, held, job)
        services.gallery.save(whole, PictureReady(whole.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
        held.worker_died("") if end == "worker_died" else held.studio_ends()
        assert services.jobs.get(whole.id).state is JobState.DONE
        assert services.jobs.get(part.id).state is JobState.QUEUED
        assert services.jobs.deaths(part.id) == (1 if end == "worker_died" else 0)
