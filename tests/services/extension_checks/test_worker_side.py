"""Pictures of real workers, with and without an extension."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.tiny import write_tiny
from tests.hooks.writing import write_extension
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.messages import Command, WorkerEvent
from webui.hooks.manifest import read_manifest
from webui.hooks.offers import Offers
from webui.services.extension_checks.outcome import Outcome
from webui.services.extension_checks.worker_side import check_worker
from webui.workers.local import LocalWorker
from webui.workers.protocol import OnEvent

WORKER = """
from webui.hooks.specs import hookimpl

@hookimpl
def change_picture(pixels):
    return 255 - pixels

@hookimpl
def step_taken(denoised, step):
    raise ValueError(f"step {step} is not liked")
"""
DEAF = """
import time
from webui.hooks.specs import hookimpl

@hookimpl
def step_taken(step):
    while step == 2:
        time.sleep(0.05)
"""
TIRED = DEAF.replace("while step == 2:", "if step == 2:").replace("0.05", "0.9")


pytestmark = pytest.mark.slow


class Lent:
    """A worker that goes on when it is stopped, for whoever asks next: its start takes seconds."""

    def __init__(self) -> None:
        self.tell: OnEvent = lambda _: None
        argv = [sys.executable, "-m", "webui.engine", "--cpu", "--threads", "1"]
        self.process = LocalWorker(self._told, argv)
        self.process.start()

    def to(self, tell: OnEvent) -> Lent:
        """This one, which tells of everything there from now on."""
        self.tell = tell
        return self

    @property
    def pid(self) -> int | None:
        return self.process.pid

    def start(self) -> None:
        """It goes already."""

    def send(self, command: Command) -> None:
        self.process.send(command)

    def stop(self, timeout: float) -> None:
        self.tell = lambda _: None

    def _told(self, event: WorkerEvent) -> None:
        self.tell(event)


Check = Callable[[Path], dict[str, Outcome]]


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    """Checks the extension of a folder by two workers: the first never hears of any."""
    checkpoint: CheckpointInfo = write_tiny(tmp_path_factory.mktemp("models") / "model")
    workers = [Lent(), Lent()]

    def run(folder: Path) -> dict[str, Outcome]:
        manifest, lent = read_manifest(folder), iter(workers)
        found = check_worker(
            manifest, Offers(manifest), checkpoint, lambda told: next(lent).to(told)
        )
        return {each.what: each for each in found}

    yield run
    for worker in workers:
        worker.process.stop(5.0)


def test_pictures_are_compared_and_what_fails_in_the_worker_is_named(
    check: Check, tmp_path: Path
) -> None:
    outcomes = check(write_extension(tmp_path, "odd", worker=WORKER))
    failed = {what: each.said for what, each in outcomes.items() if not each.passed}
    assert list(failed) == ["worker: step_taken"], failed
    assert "step 1 is not liked" in failed["worker: step_taken"]
    assert "bit for bit" in outcomes["worker: a picture after it"].said
    assert outcomes["worker: change_picture"].passed


@pytest.mark.parametrize(
    ("name", "code", "passes"), [("tired", TIRED, True), ("deaf", DEAF, False)]
)
def test_an_observer_of_the_worker_that_never_comes_back_does_not_pass(
    check: Check,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: str,
    passes: bool,
) -> None:
    """The deaf one comes last: it occupies its worker for good."""
    monkeypatch.setattr("webui.services.extension_checks.worker_side.OBSERVER_SECONDS", 2.0)
    outcomes = check(write_extension(tmp_path, name, worker=code))
    outcome = outcomes["worker: step_taken"]
    assert outcome.passed == passes, outcome.said
    assert passes or "It has not come back for" in outcome.said
    assert outcomes["worker: a picture after it"].passed
