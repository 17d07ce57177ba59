"""Jobs are recorded before they are acknowledged, and change only as they may."""

from __future__ import annotations

import io
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import event, update

from tests.services.conftest import Services, make_services
from tests.services.models import write_controlnet, write_lora, write_model
from webui.contracts.errors import BadRequest, InvalidField, NotFound, UnknownModel
from webui.contracts.events import Event, JobChanged
from webui.contracts.ids import JobId
from webui.contracts.job import JobState
from webui.services.catalog import Catalog
from webui.services.database import writing
from webui.services.jobs import MAX_STARTS, JobService
from webui.services.tables import JOBS


def _states(services: Services) -> list[str]:
    return [event.job.state.value for event in services.told if isinstance(event, JobChanged)]


def test_a_submitted_job_is_in_the_record_when_its_id_is_returned(services: Services) -> None:
    job = services.submit()
    again = make_services(services.folder)
    assert again.jobs.get(job.id) == job
    again.database.dispose()


def test_a_submitted_job_says_everything_and_is_told(services: Services) -> None:
    job = services.submit(count=2)
    assert (job.state, job.place, job.steps, job.attempts) == (JobState.QUEUED, 0, 40, 0)
    assert (job.request.model, job.request.width) == ("fake/gradient", 128)
    assert job.request.seed >= 0
    assert services.told == [JobChanged(job)]


def test_a_prompt_in_any_script_is_kept(services: Services) -> None:
    prompt = "лодка 船 🚤 \u202e قارب " + "x" * 10_000
    assert services.jobs.get(services.submit(prompt).id).request.prompt == prompt


def test_without_a_model_the_sentence_says_what_to_do(services: Services) -> None:
    jobs = JobService(services.database, Catalog([]), services.images, services.events)
    with pytest.raises(BadRequest, match="No model is installed"):
        jobs.submit(services.submit().request.model_copy(update={"model": ""}))


def test_a_refused_request_leaves_no_trace(services: Services) -> None:
    with pytest.raises(UnknownModel):
        services.submit(model="fake/gradiant")
    with pytest.raises(NotFound, match="image"):
        services.submit(image="0" * 64)
    with pytest.raises(InvalidField):
        services.submit(width=4096, height=4096, count=100)
    assert services.jobs.list() == ()
    assert services.told == []


def test_an_uploaded_image_gives_its_shape_to_the_job(services: Services) -> None:
    out = io.BytesIO()
    Image.new("RGB", (200, 100)).save(out, "PNG")
    job = services.submit(image=services.images.put(out.getvalue()))
    assert (job.request.width, job.request.height) == (184, 88)


def test_an_unknown_job_is_not_found(services: Services) -> None:
    for ask in (services.jobs.get, services.jobs.cancel):
        with pytest.raises(NotFound):
            ask(JobId("nothing"))


def test_places_count_the_queued_jobs_before(services: Services) -> None:
    jobs = [services.submit() for _ in range(3)]
    services.jobs.mark_running(jobs[0].id)
    assert [services.jobs.get(job.id).place for job in jobs] == [None, 0, 1]


def test_the_list_is_newest_first_and_pages_without_gaps(services: Services) -> None:
    submitted = [services.submit().id for _ in range(7)]
    seen: list[JobId] = []
    before = None
    while page := services.jobs.list(limit=3, before=before):
        seen += [job.id for job in page]
        before = page[-1].created
    assert seen == submitted[::-1]


def test_jobs_of_one_moment_are_told_apart_in_pages(services: Services) -> None:
    jobs = JobService(
        services.database, services.catalog, services.images, services.events, clock=lambda: 1e9
    )
    request = services.submit().request
    made = [jobs.submit(request) for _ in range(4)]
    assert len({job.created for job in made}) == 4
    assert [job.id for job in jobs.list(before=made[2].created)][:2] == [made[1].id, made[0].id]


def test_a_page_of_jobs_is_found_by_an_index_wherever_it_is(services: Services) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if "LIMIT" in statement:
            asked.append((statement, parameters))

    event.listen(services.database, "before_cursor_execute", note)
    for before in (None, 1e9):
        services.jobs.list(50, before)
    event.remove(services.database, "before_cursor_execute", note)
    with closing(services.database.raw_connection()) as connection:
        plans = [
            str(connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall())
            for statement, given in asked
        ]
    assert "USING INDEX ix_jobs_created'" in plans[0]
    assert "USING INDEX ix_jobs_created (created<?)" in plans[1]
    assert "TEMP" not in "".join(plans)


def test_the_list_can_be_limited_to_states(services: Services) -> None:
    first, second = services.submit(), services.submit()
    services.jobs.cancel(first.id)
    assert [job.id for job in services.jobs.list(states=[JobState.CANCELLED])] == [first.id]
    assert [job.id for job in services.jobs.list(states=[JobState.QUEUED])] == [second.id]


def test_every_state_is_counted(services: Services) -> None:
    services.submit()
    services.jobs.mark_running(services.submit().id)
    counts = services.jobs.counts()
    assert set(counts) == set(JobState)
    assert (counts[JobState.QUEUED], counts[JobState.RUNNING], counts[JobState.DONE]) == (1, 1, 0)


def test_a_queued_job_is_cancelled_at_once(services: Services) -> None:
    asked: list[JobId] = []
    services.jobs.on_cancel = asked.append
    job = services.jobs.cancel(services.submit().id)
    assert (job.state, asked) == (JobState.CANCELLED, [])
    assert job.finished is not None
    assert services.jobs.next_queued() is None


def test_a_cancelled_running_job_is_passed_to_the_worker(services: Services) -> None:
    asked: list[JobId] = []
    services.jobs.on_cancel = asked.append
    job = services.submit()
    services.jobs.mark_running(job.id)
    assert services.jobs.cancel(job.id).state is JobState.RUNNING
    assert asked == [job.id]


def test_cancel_leaves_a_finished_job_as_it_is(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    done = services.jobs.finish(job.id, JobState.DONE)
    assert services.jobs.cancel(job.id) == done


def test_a_job_that_was_cancelled_cannot_be_started(services: Services) -> None:
    job = services.submit()
    services.jobs.cancel(job.id)
    assert services.jobs.mark_running(job.id) is None
    assert services.jobs.get(job.id).state is JobState.CANCELLED


def test_a_final_job_stays_as_it_ended(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    services.jobs.finish(job.id, JobState.FAILED, "It rained.")
    again = services.jobs.finish(job.id, JobState.DONE)
    assert (again.state, again.error) == (JobState.FAILED, "It rained.")
    assert _states(services) == ["queued", "running", "failed"]


def test_jobs_are_given_out_in_their_order(services: Services) -> None:
    jobs = [services.submit() for _ in range(3)]
    first = services.jobs.next_queued()
    second = services.jobs.next_queued(excluding=[jobs[0].id])
    assert first is not None
    assert second is not None
    assert (first.id, second.id) == (jobs[0].id, jobs[1].id)


def test_a_high_priority_goes_to_the_front_of_the_queue(services: Services) -> None:
    names = ["Low", "Normal", "high", "Normal", "Live", "High"]
    jobs = [services.submit(priority=name).id for name in names]
    given: list[JobId] = []
    while job := services.jobs.next_queued(excluding=given):
        given.append(job.id)
    assert [jobs.index(each) for each in given] == [4, 2, 5, 1, 3, 0]
    assert [services.jobs.get(each).place for each in jobs] == [5, 3, 1, 4, 0, 2]


def test_a_queued_job_can_be_moved_and_others_give_way(services: Services) -> None:
    jobs = [services.submit().id for _ in range(3)]
    moved = services.jobs.set_priority(jobs[2], "high")
    assert (moved.request.priority, moved.place) == ("High", 0)
    assert services.jobs.set_priority(jobs[0], "Low").place == 2
    assert [services.jobs.get(each).place for each in jobs] == [2, 1, 0]
    assert services.jobs.next_queued() == moved


def test_a_job_that_runs_keeps_its_priority(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    assert services.jobs.set_priority(job.id, "High").request.priority == "Normal"


def test_a_priority_that_there_is_not_changes_nothing(services: Services) -> None:
    job = services.submit()
    with pytest.raises(InvalidField, match="priority is 'Urgent'"):
        services.jobs.set_priority(job.id, "Urgent")
    with pytest.raises(NotFound):
        services.jobs.set_priority(JobId("none"), "High")
    assert services.jobs.get(job.id) == job


def test_a_step_is_seen_but_not_written(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    before = (services.folder / "easel.sqlite-wal").read_bytes()
    services.jobs.mark_step(job.id, 5, 20)
    assert services.jobs.get(job.id).step == 5
    assert (services.folder / "easel.sqlite-wal").read_bytes() == before


def test_the_reached_step_stays_with_an_ended_job(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    services.jobs.mark_step(job.id, 5, 18)
    ended = services.jobs.finish(job.id, JobState.CANCELLED)
    assert (ended.step, ended.steps) == (5, 18)


def test_a_requeued_job_keeps_its_place_and_counts_the_death(services: Services) -> None:
    first, _second = services.submit(), services.submit()
    services.jobs.mark_running(first.id)
    again = services.jobs.requeue(first.id)
    assert (again.state, again.place, again.attempts) == (JobState.QUEUED, 0, 1)
    assert services.jobs.deaths(first.id) == 1


def test_a_blameless_requeue_counts_neither_attempt_nor_death(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    again = services.jobs.requeue(job.id, blame=False)
    assert (again.attempts, services.jobs.deaths(job.id)) == (0, 0)


def test_a_cancelled_job_is_not_requeued(services: Services) -> None:
    job = services.submit()
    services.jobs.mark_running(job.id)
    services.jobs.cancel(job.id)
    assert services.jobs.requeue(job.id).state is JobState.CANCELLED


def test_after_a_restart_running_jobs_are_queued_again(services: Services) -> None:
    running, cancelled, queued = services.submit(), services.submit(), services.submit()
    for job in (running, cancelled):
        services.jobs.mark_running(job.id)
    services.jobs.cancel(cancelled.id)
    again = make_services(services.folder)
    again.jobs.recover()
    states = [again.jobs.get(job.id).state for job in (running, cancelled, queued)]
    again.database.dispose()
    assert states == [JobState.QUEUED, JobState.CANCELLED, JobState.QUEUED]


def test_a_job_that_always_ran_when_the_studio_died_is_given_up(services: Services) -> None:
    job = services.submit()
    for _ in range(MAX_STARTS):
        assert services.jobs.get(job.id).state is JobState.QUEUED
        services.jobs.mark_running(job.id)
        services.jobs.recover()
    ended = services.jobs.get(job.id)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert f"{MAX_STARTS} times" in ended.error


def test_many_threads_submit_and_cancel_and_nothing_is_lost(services: Services) -> None:
    made: list[JobId] = []

    def work(cancel: bool) -> None:
        for _ in range(5):
            job = services.submit()
            made.append(job.id)
            if cancel:
                services.jobs.cancel(job.id)

    threads = [threading.Thread(target=work, args=(i % 2 == 0,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = services.jobs.counts()
    assert len(set(made)) == 30
    assert (counts[JobState.QUEUED], counts[JobState.CANCELLED]) == (15, 15)


def test_a_job_is_never_told_out_of_order(services: Services) -> None:
    """A job that is taken the moment it is recorded must not be announced as queued afterwards."""
    heard: list[str] = []

    def hesitate(event: Event) -> None:
        if isinstance(event, JobChanged) and event.job.state is JobState.QUEUED:
            time.sleep(0.1)

    def note(event: Event) -> None:
        if isinstance(event, JobChanged):
            heard.append(event.job.state.value)

    services.events.subscribe(hesitate)
    services.events.subscribe(note)
    taker = threading.Thread(target=_take_one, args=(services,))
    taker.start()
    services.submit()
    taker.join()
    assert heard == ["queued", "running"]


def _take_one(services: Services) -> None:
    while (job := services.jobs.next_queued()) is None:
        time.sleep(0.001)
    services.jobs.mark_running(job.id)


def test_a_job_recorded_before_conditions_is_still_read(services: Services) -> None:
    job = services.submit()
    old = (
        '{"prompt":"a boat","negative_prompt":"","model":"fake/gradient","sampler":"DPM++ 2M",'
        '"schedule":"Automatic","steps":20,"guidance_scale":5.0,"width":128,"height":128,"seed":5,'
        '"count":1,"image":null,"denoising_strength":0.75}'
    )
    with writing(services.database) as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == job.id).values(request=old))
    read = services.jobs.get(job.id).request
    assert (read.prompt, read.seed, read.mask, read.loras) == ("a boat", 5, None, ())


def test_a_job_with_everything_comes_back_whole(services: Services) -> None:
    write_model(services.folder / "models" / "m")
    write_controlnet(services.folder / "models" / "edges")
    write_lora(services.folder / "models" / "loras" / "chalk.safetensors")
    out = io.BytesIO()
    Image.new("L", (16, 16), 255).save(out, "PNG")
    image = services.images.put(out.getvalue())
    job = services.submit(
        model="m", image=image, mask=image,
        controls=[{"adapter": "edges", "image": image, "weight": 0.3}],
        loras=[{"adapter": "chalk", "weight": -1}],
    )  # fmt: skip
    again = make_services(services.folder)
    assert again.jobs.get(job.id).request == job.request
    assert job.request.adapters == ("edges", "loras/chalk")
    again.database.dispose()


def test_a_model_that_came_just_now_is_found(services: Services) -> None:
    """The folders are looked at now and then only; who names what is not known has them looked at again."""
    services.catalog.models()
    services.catalog._next_look = float("inf")
    write_model(services.folder / "models" / "fresh")
    assert services.submit(model="fresh").request.model == "fresh"
    services.catalog._next_look = float("inf")
    with pytest.raises(UnknownModel, match="There is no model 'gone'"):
        services.submit(model="gone")
