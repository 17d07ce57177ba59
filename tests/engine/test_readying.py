"""A model whose file is written to in place fails who draws with it, and is loaded again for the next."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.original import tiny_sd1, write_original
from tests.engine.rig import Rig, order
from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.packed.late import LateWeight
from webui.engine.shared_networks import SharedNetworks
from webui.engine.work import Predict

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint(tmp_path: Path) -> CheckpointInfo:
    return write_original(tmp_path / "a.safetensors", tiny_sd1(), torch.float16)


def _rig() -> tuple[Rig, list[LoadedModel]]:
    shared, models = SharedNetworks(), list[LoadedModel]()

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        models.append(load_model(checkpoint, CPU, shared))
        return models[-1]

    return Rig(load=load), models


def _rewrite(checkpoint: CheckpointInfo, tmp_path: Path) -> None:
    """Other numbers into the same file, which is as long as before."""
    path, other = Path(checkpoint.path), tmp_path / "other.safetensors"
    write_original(other, tiny_sd1(), torch.float16)
    data = bytearray(other.read_bytes())
    data[-4096:] = bytes(4096)  # the last tensors are 0
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(0, 10**9))


def test_who_draws_meanwhile_fails_and_the_next_job_draws_by_the_new_file(
    checkpoint: CheckpointInfo, tmp_path: Path
) -> None:
    rig, models = _rig()
    rig.engine.start(order(checkpoint, "first", width=64, height=64))
    rig.tick_until(lambda: bool(rig.works(Predict)))
    assert any(isinstance(m, LateWeight) for m in models[0].networks[1].modules())
    _rewrite(checkpoint, tmp_path)
    rig.tick_until_idle()
    assert rig.ends() == {"first": "failed"}
    assert "was changed while it was in use" in rig.error("first")
    rig.finish(order(checkpoint, "next", width=64, height=64))
    assert rig.ends()["next"] == "done"
    assert len(models) == 2
    fresh, _ = _rig()
    fresh.finish(order(checkpoint, "next", width=64, height=64))
    assert np.array_equal(rig.pictures("next")[0], fresh.pictures("next")[0])


@pytest.mark.parametrize("cut", [False, True])
def test_a_model_that_nobody_draws_with_is_loaded_again_without_a_word(
    checkpoint: CheckpointInfo, tmp_path: Path, cut: bool
) -> None:
    rig, models = _rig()
    with rig.residency.use(checkpoint):
        pass
    data = Path(checkpoint.path).read_bytes()
    if cut:  # and written anew, as a download that goes over the old file does
        os.truncate(checkpoint.path, 0)
        Path(checkpoint.path).write_bytes(data)
        os.utime(checkpoint.path, ns=(0, 10**9))
    else:
        _rewrite(checkpoint, tmp_path)
    rig.finish(order(checkpoint, "job", width=64, height=64))
    assert rig.ends() == {"job": "done"}
    assert len(models) == 2


def test_other_models_go_on(checkpoint: CheckpointInfo, tmp_path: Path) -> None:
    rig = Rig(load=lambda checkpoint: load_model(checkpoint, CPU))
    other = write_original(tmp_path / "b.safetensors", tiny_sd1(), torch.float16)
    rig.engine.start(order(other, "other", width=64, height=64))
    rig.engine.start(order(checkpoint, "job", width=64, height=64))
    rig.tick_until(lambda: len({work.model for work in rig.works(Predict)}) == 2)
    _rewrite(checkpoint, tmp_path)
    rig.tick_until_idle()
    assert rig.ends() == {"job": "failed", "other": "done"}
