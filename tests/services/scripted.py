"""A worker without a process, for tests of what is made of a worker's words."""

from __future__ import annotations

from webui.contracts.messages import (
    Command,
    JobEnded,
    PictureReady,
    RunJob,
    WorkerReady,
)
from webui.workers.protocol import OnEvent


class Scripted:
    """A worker that is ready at once, keeps its commands, and says what the test tells it to say."""

    pid = None

    def __init__(self, on_event: OnEvent) -> None:
        self.say = on_event
        self.commands: list[Command] = []

    def start(self) -> None:
        self.say(WorkerReady("scripted", 0))

    def send(self, command: Command) -> None:
        self.commands.append(command)

    def stop(self, timeout: float) -> None:
        pass

    def orders(self) -> list[RunJob]:
        return [c for c in self.commands if isinstance(c, RunJob)]

    def finish(self, order: RunJob) -> None:
        """Say that the job's one picture of 64x64 is ready, and its end."""
        self.say(PictureReady(order.job_id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
        self.say(JobEnded(order.job_id, "done", None))
