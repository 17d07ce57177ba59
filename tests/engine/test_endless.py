"""A hook that does not come back ends the worker, and its extension and job are named before."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from tests.engine.rig import order
from tests.hooks.writing import write_extension
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import JobId
from webui.contracts.messages import ExtensionFailed, JobEnded, Message, UseExtensions, WorkerEvent
from webui.contracts.wire import read_message, write_message
from webui.engine.endless import EXIT_STATUS, EndlessHooks
from webui.hooks.calls import Calls

ENDLESS = """
import time
from webui.hooks.specs import hookimpl

@hookimpl
def change_latent():
    while True:
        time.sleep(0.01)  # here
"""
SAID = (
    "The extension 'endless' did not come back from change_latent within 2 s. It was switched off, and the worker "
    "started anew. Repair it, or leave it out, and try again."
)


@pytest.mark.timeout(120)
def test_the_worker_names_the_extension_fails_its_job_and_ends(
    checkpoint: CheckpointInfo, tmp_path: Path
) -> None:
    folder = write_extension(tmp_path, "endless", worker=ENDLESS, arguments=ARGUMENTS)
    program = [sys.executable, "-m", "webui.engine.worker", "--cpu", "--threads", "1", "--hook-seconds", "2"]  # fmt: skip
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        commands, events = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        for message in (
            UseExtensions({"endless": str(folder)}),
            order(checkpoint, "beside", steps=1000),
            order(checkpoint, "held", extensions={"endless": {}}),
        ):
            write_message(commands, message)
        heard: list[Message] = []
        while (said := read_message(events)) is not None:
            heard.append(said)
        assert process.wait(20) == EXIT_STATUS
    failed = next(m for m in heard if isinstance(m, ExtensionFailed) and m.kind == "endless")
    assert (failed.extension, failed.hook, failed.message) == ("endless", "change_latent", SAID)
    assert "time.sleep(0.01)  # here" in failed.trace
    assert heard[-1] == JobEnded(JobId("held"), "failed", SAID)
    assert not any(isinstance(m, JobEnded) and m.job_id == "beside" for m in heard)


ARGUMENTS = "from pydantic import BaseModel\n\nclass Model(BaseModel):\n    pass\n"


def test_only_calls_of_its_own_thread_count_and_the_innermost_is_named() -> None:
    calls, said, ends = Calls(), list[WorkerEvent](), list[int]()
    watch = EndlessHooks(calls, lambda: JobId("job"), said.append, seconds=-1.0, end=ends.append)
    other = threading.Thread(target=lambda: calls.during("beside", "step_taken", watch.look))
    other.start()
    other.join()
    assert not watch.look()
    assert (said, ends) == ([], [])
    assert calls.during(
        "outer", "change_latent", lambda: calls.during("inner", "change_picture", watch.look)
    )
    assert ends == [EXIT_STATUS]
    failed, ended = said
    assert isinstance(failed, ExtensionFailed)
    assert (failed.extension, failed.hook) == ("inner", "change_picture")
    assert isinstance(ended, JobEnded)
    assert calls.during("outer", "change_latent", lambda: None) is None
    assert not watch.look()
