"""The worker program, as the studio runs it: a process, frames on its standard streams."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest
import torch
from safetensors.torch import save_file

from tests.engine.library import save_picture
from tests.engine.rig import order, pixels
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import AdapterId, JobId
from webui.contracts.messages import (
    CancelJob,
    ClassesRead,
    ExtensionCalled,
    JobEnded,
    Message,
    ModelReady,
    PictureReady,
    Quit,
    ReadClasses,
    StepDone,
    WarmUp,
    WorkerReady,
)
from webui.contracts.wire import read_message, write_message

pytestmark = pytest.mark.timeout(120)
REPOSITORY = Path(__file__).parents[2]


class Process:
    """A worker process."""

    def __init__(self) -> None:
        program = [sys.executable, "-m", "webui.engine", "--cpu", "--threads", "1"]
        self.popen = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY
        )

    def say(self, message: Message) -> None:
        write_message(cast("BinaryIO", self.popen.stdin), message)

    def hear(self) -> Message | None:
        return read_message(cast("BinaryIO", self.popen.stdout))

    def hear_until_end(self, job: str) -> list[Message]:
        heard: list[Message] = []
        while True:
            message = self.hear()
            assert message is not None, "The worker has died."
            heard.append(message)
            if isinstance(message, JobEnded) and message.job_id == job:
                return heard


@pytest.fixture(scope="module")
def worker() -> Iterator[Process]:
    """A worker that has said that it is ready."""
    process = Process()
    ready = process.hear()
    assert isinstance(ready, WorkerReady)
    assert ready.device.startswith("cpu (")
    with process.popen:
        yield process
        process.say(Quit())
        assert process.popen.wait(20) == 0


def test_a_job_is_answered_by_steps_pictures_and_an_end(
    worker: Process, checkpoint: CheckpointInfo
) -> None:
    worker.say(order(checkpoint, count=2))
    beside = (ModelReady, ExtensionCalled)  # Easel's own extensions say what they offer
    heard = [m for m in worker.hear_until_end("job") if not isinstance(m, beside)]
    assert [type(m) for m in heard] == [StepDone] * 4 + [PictureReady] * 2 + [JobEnded]
    pictures = [m for m in heard if isinstance(m, PictureReady)]
    assert [pixels(m).shape for m in pictures] == [(32, 32, 3)] * 2


def test_a_cancelled_job_ends_and_the_worker_goes_on(
    worker: Process, checkpoint: CheckpointInfo
) -> None:
    worker.say(order(checkpoint, "long", steps=1000))
    while not isinstance(worker.hear(), StepDone):
        pass
    worker.say(CancelJob(JobId("long")))
    assert worker.hear_until_end("long")[-1] == JobEnded(JobId("long"), "cancelled", None)
    worker.say(order(checkpoint, "next"))
    assert worker.hear_until_end("next")[-1] == JobEnded(JobId("next"), "done", None)


def test_adapters_are_loaded_aside_and_a_broken_one_fails_only_its_job(
    worker: Process, checkpoint: CheckpointInfo, tmp_path: Path
) -> None:
    base = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    halves = {"A": torch.ones(1, 32), "B": torch.ones(32, 1)}
    tensors = {f"{base}.lora_{name}.weight": half for name, half in halves.items()}
    save_file(tensors, tmp_path / "good.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    ends = {}
    for name in ("good", "bad"):
        path = str(tmp_path / f"{name}.safetensors")
        info = AdapterInfo(AdapterId(name), "lora", name, path, 1)
        worker.say(order(checkpoint, name, adapters=(info,), loras=[{"adapter": name}]))
        ends[name] = worker.hear_until_end(name)[-1]
    assert ends["good"] == JobEnded(JobId("good"), "done", None)
    failed = ends["bad"]
    assert isinstance(failed, JobEnded)
    assert failed.error is not None
    assert "The LoRA 'bad' cannot be loaded" in failed.error


def test_a_photograph_is_read_beside_the_jobs(worker: Process, tmp_path: Path) -> None:
    photo = save_picture(tmp_path / "a.png", 40, 24)
    gone = AdapterInfo(AdapterId("gone"), "segmenter", "gone", str(tmp_path / "gone"), 1)
    worker.say(ReadClasses("reading", gone, str(photo)))
    said = worker.hear()
    assert isinstance(said, ClassesRead)
    assert (said.reading, said.data) == ("reading", b"")
    assert said.error is not None
    assert "holds no weights" in said.error


def test_a_warmed_model_is_announced(worker: Process, other_checkpoint: CheckpointInfo) -> None:
    worker.say(WarmUp(other_checkpoint))
    ready = worker.hear()
    assert isinstance(ready, ModelReady)
    assert ready.model == other_checkpoint.id
    assert ready.resident_bytes >= 4 * other_checkpoint.parameters


def test_ctrl_c_is_left_to_the_studio(worker: Process, checkpoint: CheckpointInfo) -> None:
    worker.popen.send_signal(signal.SIGINT)
    worker.say(order(checkpoint, "after"))
    assert isinstance(worker.hear_until_end("after")[-1], JobEnded)


def test_the_worker_ends_when_the_studio_dies(checkpoint: CheckpointInfo) -> None:
    process = Process()
    with process.popen:
        assert isinstance(process.hear(), WorkerReady)
        process.say(order(checkpoint, steps=1000))
        assert process.popen.stdin is not None
        process.popen.stdin.close()
        assert process.popen.wait(20) == 0
