"""What jobs share is as it was after an extension's code has run, whatever that did: the next picture is bit-equal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.library import CPU, Library
from tests.engine.rig import Rig, order
from tests.hooks.writing import write_extension
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.messages import ExtensionFailed
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.read_only import ReadOnly, WroteToShared
from webui.engine.structure import Structure

PATCHES = """
import torch
from torch import nn
from webui.engine.work import EncodeText
from webui.hooks.specs import hookimpl

MODELS = []

def act(model, work, answer):
    p = next(model.unet.parameters())
    layer = model.unet.mid_block
    try:
        {act}
    except {caught}:
        pass

@hookimpl
def wrap_program(program, model):
    return around(program, model)

def around(program, model):
    answer = None
    while True:
        try:
            work = program.send(answer)
        except StopIteration as ended:
            return ended.value
        answer = yield work
        act(model, work, answer)
"""
WRITES = (
    "p.data.mul_(2)",
    "p.add_(1)",
    "p[...] = 0",
    "torch.add(p, 1, out=p)",
    "torch._foreach_mul_([p, next(model.vae.parameters())], 2.0)",
    "nn.init.zeros_(next(model.text_encoder.parameters()))",
    "isinstance(work, EncodeText) and answer.tokens.mul_(0)",
)
REBUILDS = (
    "layer.register_forward_hook(lambda module, inputs, output: output * 2)",
    "layer.forward = lambda *inputs, **named: inputs[0]",
    "p.data = p.data * 2",
    "model.unet.conv_in = nn.Identity()",
    "model.unet.time_embedding.linear_1.bias = nn.Parameter(torch.ones(3))",
)


def _rig() -> tuple[Rig, list[LoadedModel]]:
    """An engine that reads a model from its file whenever that is asked for."""
    loaded: list[LoadedModel] = []

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        loaded.append(load_model(checkpoint, CPU))
        rig.engine.extensions.model_loaded(loaded[-1])
        rig.engine.extensions.host.settle()
        return loaded[-1]

    rig = Rig(load=load)
    return rig, loaded


@pytest.mark.parametrize("caught", ["()", "Exception"])
@pytest.mark.parametrize("act", WRITES)
def test_what_would_be_written_into_is_refused_and_named(
    library: Library, tmp_path: Path, act: str, caught: str
) -> None:
    checkpoint = library.model("text").checkpoint
    rig, loaded = _rig()
    rig.finish(order(checkpoint, "before"))
    code = PATCHES.format(act=act, caught=caught)
    rig.engine.use_extensions({"bad": str(write_extension(tmp_path, "bad", worker=code))})
    rig.finish(order(checkpoint, "with", extensions={"bad": {}}), order(checkpoint, "beside"))
    rig.finish(order(checkpoint, "after"))
    assert rig.ends() == {"before": "done", "with": "failed", "beside": "done", "after": "done"}
    assert "The extension 'bad' failed in its program: it wanted to write by" in rig.error("with")
    assert "that all jobs share" in rig.error("with")
    wanted = rig.pictures("before")[0]
    assert np.array_equal(rig.pictures("beside")[0], wanted)
    assert np.array_equal(rig.pictures("after")[0], wanted)
    assert len(loaded) == 1
    assert {e.extension for e in rig.events if isinstance(e, ExtensionFailed)} == {"bad"}


@pytest.mark.parametrize("act", REBUILDS)
def test_a_model_that_was_rebuilt_is_read_anew_and_nobody_draws_with_it(
    library: Library, tmp_path: Path, act: str
) -> None:
    checkpoint = library.model("text").checkpoint
    rig, loaded = _rig()
    rig.finish(order(checkpoint, "before"))
    calm = PATCHES.format(act="pass", caught="()")
    folders = {
        "calm": write_extension(tmp_path, "calm", worker=calm),
        "bad": write_extension(tmp_path, "bad", worker=PATCHES.format(act=act, caught="()")),
    }
    rig.engine.use_extensions({name: str(folder) for name, folder in folders.items()})
    rig.finish(
        order(checkpoint, "calm", extensions={"calm": {}}, steps=30),
        order(checkpoint, "with", extensions={"bad": {}, "calm": {}}),
    )
    rig.finish(order(checkpoint, "after"))
    assert rig.ends() == {"before": "done", "with": "failed", "calm": "failed", "after": "done"}
    for job in ("with", "calm"):
        assert f"The extension 'bad' changed the model {checkpoint.id!r} in memory" in rig.error(
            job
        )
    assert np.array_equal(rig.pictures("after")[0], rig.pictures("before")[0])
    assert len(loaded) == 2
    assert {e.extension for e in rig.events if isinstance(e, ExtensionFailed)} == {"bad"}


ARRAYS = (
    "p.numpy()[...] = 0",
    "np.asarray(p.data)[0] *= 2",
    "np.asarray(p.detach()[0]).fill(0)",
    "np.copyto(p.data[1:].numpy(), 1)",
)


@pytest.mark.parametrize("act", ARRAYS)
def test_numpy_reads_what_jobs_share_and_does_not_write_to_it(
    library: Library, tmp_path: Path, act: str
) -> None:
    checkpoint = library.model("text").checkpoint
    rig, loaded = _rig()
    rig.finish(order(checkpoint, "before"))
    reads = "own = p.numpy().copy(); own[...] = 0; own += np.asarray(p)"
    folders = {
        "bad": write_extension(tmp_path, "bad", worker=_with_numpy(act)),
        "calm": write_extension(tmp_path, "calm", worker=_with_numpy(reads)),
    }
    rig.engine.use_extensions({name: str(folder) for name, folder in folders.items()})
    rig.finish(order(checkpoint, "with", extensions={"bad": {}}))
    rig.finish(order(checkpoint, "calm", extensions={"calm": {}}))
    assert rig.ends() == {"before": "done", "with": "failed", "calm": "done"}, rig.error("calm")
    assert "The extension 'bad' failed in its program" in rig.error("with")
    assert "read-only" in rig.error("with")
    assert np.array_equal(rig.pictures("calm")[0], rig.pictures("before")[0])
    assert len(loaded) == 1


def _with_numpy(act: str) -> str:
    return "import numpy as np\n" + PATCHES.format(act=act, caught="()")


OBSERVES = """
from webui.hooks.specs import hookimpl

@hookimpl
def step_taken(denoised):
    denoised.zero_()

@hookimpl
def model_loaded(model):
    next(model.unet.parameters()).data.zero_()
"""


def test_an_observer_writes_into_nothing_that_a_picture_is_made_of(
    library: Library, tmp_path: Path
) -> None:
    checkpoint = library.model("text").checkpoint
    plain, _ = _rig()
    plain.finish(order(checkpoint, sampler="DPM++ 2M"))
    rig, _ = _rig()
    rig.engine.use_extensions({"ears": str(write_extension(tmp_path, "ears", worker=OBSERVES))})
    rig.finish(order(checkpoint, sampler="DPM++ 2M"))
    assert rig.engine.extensions.host.settle()
    assert np.array_equal(rig.pictures("job")[0], plain.pictures("job")[0])


def _mine(shared: Tensor) -> Iterator[Tensor]:
    yield shared


def test_own_tensors_are_written_to_as_ever_and_shared_ones_are_read() -> None:
    shared, own = torch.ones(4), torch.zeros(4)
    with ReadOnly(lambda: _mine(shared)):
        own += shared
        own.mul_(3)
        copy = shared.clone().add_(1)
    assert (own.tolist(), copy.tolist(), shared.tolist()) == ([3.0] * 4, [2.0] * 4, [1.0] * 4)


def test_a_part_of_a_shared_tensor_is_shared_and_a_caught_refusal_comes_again() -> None:
    shared = torch.ones(4)
    with (
        pytest.raises(WroteToShared, match=r"tensor of shape \(2,\) that all jobs share"),
        ReadOnly(lambda: _mine(shared)),
        pytest.raises(WroteToShared),
    ):
        shared.view(2, 2)[0].fill_(5)
    assert shared.tolist() == [1.0] * 4


def test_a_model_that_draws_with_loras_is_built_as_it_was(library: Library) -> None:
    """What the engine itself does to a model between two looks is no change."""
    rig, loaded = _rig()
    checkpoint = library.model("text").checkpoint
    rig.finish(order(checkpoint, "opens"))
    structure = Structure(loaded[0])
    rig.finish(
        order(checkpoint, "tiles", tiling=True), order(checkpoint, "frees", freeu_b1=1.2),
        order(checkpoint, "merges", token_merging_ratio=0.5), order(checkpoint, "caches", deep_cache_interval=2),
    )  # fmt: skip
    assert structure.change() is None
