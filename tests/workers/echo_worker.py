"""A worker program without torch: the fake worker's drawing behind the real frames.

Prompts that begin with a word below make it misbehave after two steps, so that tests can see a
real process die. `--once FILE` lets it misbehave only while FILE does not exist yet.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from webui.contracts.fakes import FakeWorker
from webui.contracts.messages import (
    Quit,
    RunJob,
    StepDone,
    WorkerEvent,
    WorkerGone,
)
from webui.contracts.wire import read_message, write_message


class Echo:
    """Reads commands until the end of stdin; writes what the fake worker tells."""

    def __init__(self, once: Path | None) -> None:
        self.once = once
        self.lock = threading.Lock()
        self.prompts: dict[str, str] = {}
        self.worker = FakeWorker(self.tell, step_seconds=0.005)

    def run(self) -> None:
        self.worker.start()
        while True:
            command = read_message(sys.stdin.buffer)
            if command is None or isinstance(command, Quit):
                break
            if isinstance(command, RunJob):
                self.prompts[command.job_id] = command.request.prompt
            self.worker.send(command)  # type: ignore[arg-type]
        self.worker.stop(5)

    def tell(self, event: WorkerEvent) -> None:
        if isinstance(event, WorkerGone):
            return
        with self.lock:
            write_message(sys.stdout.buffer, event)
        if isinstance(event, StepDone) and event.step == 2:
            self.misbehave(self.prompts[event.job_id])

    def misbehave(self, prompt: str) -> None:
        word = prompt.split()[0]
        if word not in {"kill", "exit", "garbage", "hang", "slow"}:
            return
        if self.once is not None:
            if self.once.exists():
                return
            self.once.touch()
        sys.stderr.write(f"about to {word}\n")
        sys.stderr.flush()
        if word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "exit":
            os._exit(3)
        elif word == "garbage":
            os.write(1, b"Traceback (most recent call last)")
        elif word == "slow":
            time.sleep(0.3)
        elif word == "hang":
            time.sleep(3600)


if __name__ == "__main__":
    Echo(Path(sys.argv[2]) if sys.argv[1:2] == ["--once"] else None).run()
