"""A hook that does not come back ends the worker, and its extension and job are named before."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from tests.engine.library import Library
from tests.engine.rig import Rig, order
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
        time.sleep(0.01)
"""
PATCHES = """
import time
from contextlib import contextmanager
from dataclasses import replace
from webui.engine.work import Predict
from webui.hooks.specs import hookimpl

def forever(layer, given, output):
    while True:
        time.sleep(0.01)

@contextmanager
def patch(network):
    handle = network.mid_block.register_forward_hook(forever)
    yield
    handle.remove()

@hookimpl
def wrap_program(program):
    return patched(program)

def patched(program):
    answer = None
    while True:
        try:
            work = program.send(answer)
        except StopIteration as ended:
            return ended.value
        answer = yield replace(work, patchings=(patch,)) if isinstance(work, Predict) else work
"""
SAID = (
    "The extension 'endless' did not come back from {} within 2 s. It was switched off, and the worker "
    "started anew. Repair it, or leave it out, and try again."
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("code", "hook", "place"),
    [(ENDLESS, "change_latent", "change_latent"), (PATCHES, "wrap_program", "forever")],
)
def test_the_worker_names_the_extension_fails_its_job_and_ends(
    checkpoint: CheckpointInfo, tmp_path: Path, code: str, hook: str, place: str
) -> None:
    folder = write_extension(tmp_path, "endless", worker=code, arguments=ARGUMENTS)
    told = SAID.format(hook)
    program = [sys.executable, "-m", "webui.engine", "--cpu", "--threads", "1", "--hook-seconds", "2"]  # fmt: skip
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
    assert (failed.extension, failed.hook, failed.message) == ("endless", hook, told)
    assert re.search(rf'endless.worker\.py", line \d+, in {place}\n', failed.trace)
    assert heard[-1] == JobEnded(JobId("held"), "failed", told)
    assert not any(isinstance(m, JobEnded) and m.job_id == "beside" for m in heard)


ARGUMENTS = "from pydantic import BaseModel\n\nclass Model(BaseModel):\n    pass\n"


DRAWS = """
import time
from webui.contracts.choices import SamplerInfo
from webui.engine.samplers.common import steps
from webui.hooks.specs import hookimpl

def straight(denoise, x, sigmas, noise, options):
    for sigma, following in steps(sigmas):
        time.sleep(0.0321)
        denoised = yield from denoise(x, sigma)
        time.sleep(0.0321)
        x = denoised + (x - denoised) * (following / sigma)
    return x

@hookimpl
def sampler_functions():
    return {SamplerInfo("Straight", (), "Karras", False, 1): straight}

@hookimpl
def wrap_program(program):
    return around(program)

def around(program):
    time.sleep(0.0321)
    pixels = yield from program
    time.sleep(0.0321)
    return pixels
"""


def test_a_program_and_a_sampler_are_known_as_going_on_while_their_own_code_runs(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = library.model("text")
    rig = Rig(model)
    folder = write_extension(tmp_path, "own", worker=DRAWS, arguments=ARGUMENTS)
    rig.engine.extensions.use({"own": str(folder)})
    calls, hooks, sleep = rig.engine.extensions.calls, list[str | None](), time.sleep

    def note(seconds: float) -> None:
        if seconds != 0.0321:  # the engine's own
            sleep(seconds)
            return
        going = calls.going(threading.get_ident())
        hooks.append(None if going is None else going.hook)

    monkeypatch.setattr(time, "sleep", note)
    fields: dict[str, Any] = {"sampler": "own/Straight", "steps": 2, "extensions": {"own": {}}}
    rig.finish(order(model.checkpoint, **fields))
    assert len(rig.pictures("job")) == 1
    assert hooks == ["wrap_program", *["sampler_functions"] * 4, "wrap_program"]
    assert calls.going(threading.get_ident()) is None


def test_a_generator_is_told_what_is_thrown_and_closed() -> None:
    heard: list[str] = []

    def program() -> Generator[int, int, str]:
        try:
            heard.append(str((yield 1)))
            yield 2
        except ValueError as error:
            heard.append(str(error))
        try:
            yield 3
        finally:
            heard.append("closed")
        return "the end"

    calls = Calls()
    first = calls.through("own", "wrap_program", program())
    assert (next(first), first.send(7), first.throw(ValueError("no"))) == (1, 2, 3)
    with pytest.raises(StopIteration, match="the end"):
        next(first)
    second = calls.through("own", "wrap_program", program())
    next(second)
    second.throw(ValueError("again"))
    second.close()
    assert heard == ["7", "no", "closed", "again", "closed"]


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
