"""What an extension changes in the network is there for its own picture, around one evaluation, and gone after it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from threading import get_ident
from typing import Any

import numpy as np
import pytest

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.hooks.writing import write_extension
from webui.contracts.messages import ExtensionFailed
from webui.engine.work import Predict

WORKER = """
import sys
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import get_ident

from webui.engine.work import Predict
from webui.hooks.specs import hookimpl

def louder(network):
    @contextmanager
    def hooked():
        handle = network.mid_block.register_forward_hook(lambda module, given, output: output * 1.5)
        try:
            yield
        finally:
            handle.remove()
    return hooked()

def broken(network):
    @contextmanager
    def hooked():
        handle = network.mid_block.register_forward_hook(lambda module, given, output: output.no_such)
        try:
            yield
        finally:
            handle.remove()
    return hooked()

def guessed(program):
    answer = None
    while True:
        try:
            work = program.send(answer)
        except StopIteration as ended:
            return ended.value
        answer = work.x * 0.1 if isinstance(work, Predict) else (yield work)

SEEN = []

@contextmanager
def hung(network, hook):
    handles = [network.conv_in.register_forward_hook(hook), network.conv_out.register_forward_hook(hook)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

def writing(layer, given, output):
    layer.bias.data.mul_(1.5)

def seen(layer, given, output):
    SEEN.append(present(get_ident()))

def leaving(layer, given, output):
    sys.exit(1)

HUNG = {"writing": writing, "seen": seen, "leaving": leaving}
PATCHES = {"louder": louder, "broken": broken, "none": lambda network: 1 / 0}
PATCHES |= {name: partial(hung, hook=hook) for name, hook in HUNG.items()}

@hookimpl
def wrap_program(program, arguments):
    return guessed(program) if arguments.patch == "guess" else patching(program, PATCHES.get(arguments.patch))

def patching(program, patch):
    answer = None
    while True:
        try:
            work = program.send(answer)
        except StopIteration as ended:
            return ended.value
        if patch and isinstance(work, Predict):
            work = replace(work, patchings=(*work.patchings, patch))
        answer = yield work
"""
ARGUMENTS = """
from pydantic import BaseModel

class Model(BaseModel):
    patch: str = ""
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_extension(tmp_path, "patches", worker=WORKER, arguments=ARGUMENTS)


def by(patch: str) -> Mapping[str, Any]:
    return {"extensions": {"patches": {"patch": patch}}}


@pytest.mark.parametrize("fields", [{}, {"deep_cache_interval": 3}])
def test_a_patch_is_in_its_own_picture_and_in_none_beside_or_after_it(
    library: Library, folder: Path, fields: Mapping[str, Any]
) -> None:
    model = library.model("text")
    alone = Rig(model)
    alone.finish(order(model.checkpoint, "plain", **fields))
    rig = Rig(model)
    rig.engine.extensions.use({"patches": str(folder)})
    rig.finish(
        order(model.checkpoint, "louder", **by("louder"), **fields),
        order(model.checkpoint, "beside", **by(""), **fields),
    )
    rig.finish(order(model.checkpoint, "after", **fields))
    rig.finish(order(model.checkpoint, "whole", **by("louder")))
    assert set(rig.ends().values()) == {"done"}, rig.error("louder")
    (plain,) = alone.pictures("plain")
    made = {job: rig.pictures(job)[0] for job in rig.ends()}
    assert np.array_equal(made["beside"], plain)
    assert np.array_equal(made["after"], plain)
    assert not np.array_equal(made["louder"], plain)
    assert np.array_equal(made["louder"], made["whole"])  # nothing of it is kept for later steps
    for batch in rig.batches:
        patched = [work for work in batch if isinstance(work, Predict) and work.patchings]
        assert len(batch) == 1 or not patched


def test_a_wrapped_program_may_do_without_the_network(library: Library, folder: Path) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"patches": str(folder)})
    rig.finish(order(model.checkpoint, "own", **by("guess")))
    assert rig.ends() == {"own": "done"}, rig.error("own")
    assert rig.works(Predict) == []
    assert len(rig.pictures("own")) == 1


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("broken", "no attribute 'no_such'"),
        ("none", "division by zero"),
        ("writing", "that all jobs share"),
        ("leaving", "it raised SystemExit"),
    ],
)
def test_a_patch_that_fails_is_named_and_fails_its_own_job(
    library: Library, folder: Path, patch: str, said: str
) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"patches": str(folder)})
    rig.finish(order(model.checkpoint, "patched", **by(patch)), order(model.checkpoint, "plain"))
    assert rig.ends() == {"patched": "failed", "plain": "done"}
    assert "The extension 'patches' failed in its patch of the network" in rig.error("patched")
    assert said in rig.error("patched")
    failed = [e for e in rig.events if isinstance(e, ExtensionFailed)]
    assert [(e.extension, e.hook) for e in failed] == [("patches", "wrap_program")]


def test_what_a_patch_hangs_into_the_network_is_a_call_whose_time_begins_anew_with_each_layer(
    library: Library, folder: Path
) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"patches": str(folder)})
    worker: Any = sys.modules["easel_extensions.patches.worker"]
    worker.present = rig.engine.extensions.calls.going
    rig.finish(order(model.checkpoint, "patched", steps=1, **by("seen")))
    assert rig.ends() == {"patched": "done"}, rig.error("patched")
    first, *_, last = worker.SEEN
    assert {(going.extension, going.hook) for going in worker.SEEN} == {("patches", "wrap_program")}
    assert last.since > first.since
    assert worker.present(get_ident()) is None
