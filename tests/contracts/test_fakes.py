"""The fake worker keeps the promises of a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workers.listening import Ear, order
from webui.contracts.fakes import FAKE_CHECKPOINT, FakeWorker, draw_gradient
from webui.contracts.messages import (
    CancelJob,
    JobEnded,
    ModelReady,
    PictureReady,
    StepDone,
    WarmUp,
    WorkerGone,
    WorkerReady,
)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def worker(ear: Ear) -> Iterator[FakeWorker]:
    made = FakeWorker(ear, step_seconds=0.002)
    made.start()
    yield made
    made.stop(5.0)


def test_a_job_steps_delivers_and_ends_in_this_order(worker: FakeWorker, ear: Ear) -> None:
    worker.send(order(count=2, steps=3))
    assert ear.wait_for(JobEnded).state == "done"
    assert [type(e) for e in ear.events] == [
        WorkerReady,
        *[StepDone] * 3,
        PictureReady,
        *[StepDone] * 3,
        PictureReady,
        JobEnded,
    ]
    assert [(e.step, e.steps, e.index) for e in ear.of(StepDone)][2:4] == [(3, 6, 0), (4, 6, 1)]
    assert [(e.index, e.seed) for e in ear.of(PictureReady)] == [(0, 5), (1, 6)]


def test_equal_seeds_give_equal_pictures_and_others_differ() -> None:
    request = order().request
    assert np.array_equal(draw_gradient(request, 5), draw_gradient(request, 5))
    assert not np.array_equal(draw_gradient(request, 5), draw_gradient(request, 6))
    assert not np.array_equal(draw_gradient(request, 5), draw_gradient(order("a tree").request, 5))


def test_a_preview_is_a_small_picture(worker: FakeWorker, ear: Ear) -> None:
    worker.send(order(width=256, height=128))
    preview = ear.wait_for(StepDone).preview
    assert preview is not None
    assert preview.image().size == (64, 32)


def test_pictures_to_skip_are_not_drawn_again(worker: FakeWorker, ear: Ear) -> None:
    worker.send(order(count=3, skip=(0, 2)))
    ear.wait_for(JobEnded)
    assert [e.index for e in ear.of(PictureReady)] == [1]


def test_a_cancelled_job_ends_within_a_step_and_others_go_on(worker: FakeWorker, ear: Ear) -> None:
    worker.send(order("long", steps=1000))
    worker.send(order("short", steps=20))
    ear.wait_for(StepDone)
    worker.send(CancelJob(order("long").job_id))
    ear.wait_for(JobEnded, 2)
    assert [(e.job_id, e.state) for e in ear.of(JobEnded)] == [
        ("job of long", "cancelled"),
        ("job of short", "done"),
    ]


def test_strength_zero_keeps_the_start_image(worker: FakeWorker, ear: Ear, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "start.png")
    worker.send(order(image=tmp_path / "start.png", denoising_strength=0.0))
    assert ear.wait_for(PictureReady).data[:3] == bytes((10, 200, 30))


def test_only_the_white_part_of_a_mask_is_redrawn(
    worker: FakeWorker, ear: Ear, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "start.png")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    mask.save(tmp_path / "mask.png")
    job = order(image=tmp_path / "start.png", mask=tmp_path / "mask.png", denoising_strength=1.0)
    worker.send(job)
    drawn = np.frombuffer(ear.wait_for(PictureReady).data, np.uint8).reshape(64, 64, 3)
    assert (drawn[:, :32] == (10, 200, 30)).all()
    assert np.array_equal(drawn[:, 32:], draw_gradient(job.request, 5)[:, 32:])


def test_a_picture_is_drawn_on_in_its_frame(worker: FakeWorker, ear: Ear, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (10, 200, 30)).save(tmp_path / "start.png")
    worker.send(order(image=tmp_path / "start.png", outpaint_left=16, outpaint_bottom=8))
    drawn = np.frombuffer(ear.wait_for(PictureReady).data, np.uint8).reshape(72, 80, 3)
    assert (drawn[:64, 16:] == (10, 200, 30)).all()
    assert (drawn[:, :16] != (10, 200, 30)).any()


def test_warming_up_is_answered(worker: FakeWorker, ear: Ear) -> None:
    worker.send(WarmUp(FAKE_CHECKPOINT))
    assert ear.wait_for(ModelReady).model == FAKE_CHECKPOINT.id


def test_it_is_gone_once_and_takes_nothing_after(worker: FakeWorker, ear: Ear) -> None:
    worker.stop(5.0)
    worker.send(order())
    worker.stop(5.0)
    assert [type(e) for e in ear.events] == [WorkerReady, WorkerGone]
