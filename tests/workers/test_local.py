"""A real child process: spoken with, killed, and reported."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.workers.listening import ECHO_WORKER, SECONDS, Ear, eventually, order
from webui.contracts.messages import (
    CancelJob,
    JobEnded,
    PictureReady,
    StepDone,
    WorkerGone,
    WorkerReady,
)
from webui.workers.local import LocalWorker

Start = Callable[..., tuple[LocalWorker, Ear]]


@pytest.fixture
def start() -> Iterator[Start]:
    workers: list[LocalWorker] = []

    def begin(argv: Sequence[str] = ECHO_WORKER) -> tuple[LocalWorker, Ear]:
        ear = Ear()
        worker = LocalWorker(ear, argv)
        worker.start()
        workers.append(worker)
        return worker, ear

    yield begin
    for worker in workers:
        worker.stop(0.0)


def test_a_job_goes_out_and_its_picture_comes_back(start: Start) -> None:
    worker, ear = start()
    worker.send(order())
    assert ear.wait_for(JobEnded).state == "done"
    picture = ear.wait_for(PictureReady)
    assert len(picture.data) == picture.width * picture.height * 3
    assert [e.step for e in ear.of(StepDone)] == [1, 2, 3, 4]
    assert isinstance(ear.events[0], WorkerReady)


def test_a_prompt_in_any_script_and_of_any_length_arrives(start: Start) -> None:
    worker, ear = start()
    worker.send(order("船 🚤 " + "лодка " * 3000, negative_prompt='\\ " \n'))
    assert ear.wait_for(JobEnded).job_id.startswith("job of 船 🚤")


def test_a_cancelled_job_ends_and_another_goes_on(start: Start) -> None:
    worker, ear = start()
    worker.send(order("long", steps=1000))
    worker.send(order("short", steps=30))
    ear.wait_for(StepDone)
    worker.send(CancelJob(order("long").job_id))
    ear.wait_for(JobEnded, 2)
    assert {(e.job_id, e.state) for e in ear.of(JobEnded)} == {
        ("job of long", "cancelled"),
        ("job of short", "done"),
    }


def test_stop_ends_the_process_in_good_order(start: Start) -> None:
    worker, ear = start()
    ear.wait_for(WorkerReady)
    pid = worker.pid
    worker.stop(SECONDS)
    assert ear.wait_for(WorkerGone).reason == "The worker process ended with code 0."
    assert not psutil.pid_exists(pid or 0)


def test_a_worker_that_hangs_is_killed_by_stop(start: Start) -> None:
    worker, ear = start()
    worker.send(order("hang"))
    ear.wait_for(StepDone, 2)
    began = time.monotonic()
    worker.stop(0.2)
    assert time.monotonic() - began < SECONDS / 2
    assert "SIGKILL" in ear.wait_for(WorkerGone).reason


def test_a_worker_killed_in_mid_job_is_reported_with_its_signal_and_last_words(
    start: Start,
) -> None:
    worker, ear = start()
    worker.send(order("kill me"))
    reason = ear.wait_for(WorkerGone).reason
    assert "SIGKILL" in reason
    assert "about to kill" in reason
    assert ear.of(JobEnded) == []


def test_a_worker_killed_from_outside_is_reported_once(start: Start) -> None:
    worker, ear = start()
    ear.wait_for(WorkerReady)
    os.kill(worker.pid or 0, signal.SIGKILL)
    ear.wait_for(WorkerGone)
    worker.stop(1.0)
    assert len(ear.of(WorkerGone)) == 1
    assert isinstance(ear.events[-1], WorkerGone)


@pytest.mark.skipif(sys.platform != "linux", reason="the way in which a process ends")
def test_a_worker_whose_mapped_file_was_cut_short_is_reported_with_the_likely_cause(
    start: Start, tmp_path: Path
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(8192))
    program = (
        "import mmap, os, sys; file = open(sys.argv[1], 'r+b'); data = mmap.mmap(file.fileno(), 0)\n"
        "file.truncate(0); data[5000]"
    )
    _, ear = start([sys.executable, "-c", program, str(path)])
    gone = ear.wait_for(WorkerGone)
    assert "SIGBUS (a file that it read was cut short meanwhile" in gone.reason
    assert gone.signal == "SIGBUS"


def test_a_worker_that_exits_is_reported_with_its_code(start: Start) -> None:
    worker, ear = start()
    worker.send(order("exit now"))
    gone = ear.wait_for(WorkerGone)
    assert "ended with code 3" in gone.reason
    assert gone.signal == ""


def test_a_worker_that_writes_no_frames_is_ended(start: Start) -> None:
    worker, ear = start()
    worker.send(order("garbage"))
    assert "no message" in ear.wait_for(WorkerGone).reason
    eventually(lambda: not psutil.pid_exists(worker.pid or 0))


def test_commands_for_an_ended_worker_are_dropped(start: Start) -> None:
    worker, ear = start([sys.executable, "-c", "raise SystemExit('no engine here')"])
    assert "no engine here" in ear.wait_for(WorkerGone).reason
    for _ in range(3):
        worker.send(order())
    assert ear.of(JobEnded) == []


def test_what_the_worker_logs_is_in_our_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        worker, ear = start()
        worker.send(order("slow"))
        ear.wait_for(JobEnded)
        eventually(lambda: "worker: about to slow" in caplog.text)


def test_a_program_that_does_not_exist_is_an_error_at_once() -> None:
    with pytest.raises(OSError, match="nowhere"):
        LocalWorker(Ear(), ["/nowhere/python"]).start()


def test_the_worker_ends_when_the_studio_is_killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pid_file = tmp_path_factory.mktemp("pids") / "pid"
    studio = (
        "import os, sys, time\n"
        "from webui.workers.local import LocalWorker\n"
        f"worker = LocalWorker(lambda event: open({str(pid_file)!r}, 'w').write(str(worker.pid)), {ECHO_WORKER!r})\n"
        "worker.start()\n"
        f"while not os.path.exists({str(pid_file)!r}) or not open({str(pid_file)!r}).read(): time.sleep(0.01)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    psutil.Popen([sys.executable, "-c", studio]).wait(SECONDS)
    worker = int(pid_file.read_text())
    eventually(
        lambda: (
            not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
        )
    )


def test_an_event_that_cannot_be_handled_does_not_silence_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ear = Ear()

    def fussy(event: object) -> None:
        if isinstance(event, WorkerReady):
            raise RuntimeError("not ready for that")
        ear(event)  # type: ignore[arg-type]

    worker = LocalWorker(fussy, ECHO_WORKER)
    worker.start()
    worker.send(order())
    ear.wait_for(JobEnded)
    worker.stop(5.0)
    assert "not ready for that" in caplog.text
