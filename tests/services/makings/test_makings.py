"""What is ordered is made by the program itself, one after the other; what stops it leaves nothing that looks like a model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.engine.tiny import write_tiny
from tests.workers.listening import eventually
from webui.contracts.errors import BadRequest, NotAllowed, NotFound, UnknownAdapter, UnknownModel
from webui.contracts.ids import AdapterId, MakingId, ModelId
from webui.contracts.making import LoraShare, Making, MakingOrder, MakingState
from webui.engine.weights import open_weights
from webui.services.catalog import Catalog
from webui.services.makings.makings import STAGING, Makings
from webui.services.makings.program import NotMade, Program
from webui.services.makings.records import MakingRecords

UNET = "unet/diffusion_pytorch_model.safetensors"
LAYER = "down_blocks.1.attentions.0.proj_in.weight"
A, B = ModelId("a"), ModelId("b")
PROGRAM = """
import os, pathlib, signal, sys, time
target = pathlib.Path(sys.argv[1])
print('not JSON'); print('{"bytes": 10}', flush=True)
target.with_name('.part').write_bytes(b'1234')
if target.stem == 'slow' and not pathlib.Path(__file__ + '.hurry').exists():
    time.sleep(600)
if target.stem == 'refused':
    print('{"error": "It cannot be."}'); sys.exit(1)
if target.stem == 'killed':
    os.kill(os.getpid(), signal.SIGKILL)
target.with_name('.part').unlink(); target.mkdir(); (target / 'model_index.json').write_bytes(b'0123456789')
"""
"""Says what the program of the studio says, and takes no seconds to import torch."""
SECONDS = 150.0
"""A program that imports torch takes seconds, and others may use the processor."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("written")
    for seed, name in enumerate("ab"):
        write_tiny(models / name, seed=seed)
    (models / "loras").mkdir()
    down, up = torch.ones(2, _weight(models / "a").shape[1]), torch.ones(_weight(models / "a").shape[0], 2)  # fmt: skip
    key = "lora_unet_" + LAYER.removesuffix(".weight").replace(".", "_")
    pair = {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(2.0)}  # fmt: skip
    save_file(pair, models / "loras" / "chalk.safetensors")
    return models


@pytest.fixture
def models(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "models"))


@pytest.fixture
def made() -> list[str]:
    return []


@pytest.fixture
def makings(models: Path, made: list[str]) -> Iterator[Makings]:
    started = _started(models, made)
    yield started
    started.stop()


def _started(models: Path, made: list[str]) -> Makings:
    script = models.parent / "program.py"
    script.write_text(PROGRAM)
    begin = partial(Program, command=(sys.executable, str(script)))
    records = MakingRecords(models.parent)
    started = Makings(records, models, Catalog([models]), lambda: made.append("made"), begin=begin)
    started.start()
    return started


def _weight(model: Path) -> torch.Tensor:
    return open_weights(model / UNET)[LAYER].float()


def _ended(makings: Makings, making: Making) -> Making:
    def now() -> Making:
        return next(each for each in makings.list() if each.id == making.id)

    eventually(lambda: now().state.is_final, SECONDS)
    return now()


@pytest.mark.timeout(180)
def test_a_merge_with_a_lora_is_made_by_the_program(models: Path) -> None:
    makings = Makings(MakingRecords(models.parent), models, Catalog([models]), lambda: None)
    makings.start()
    chalk = LoraShare(id=AdapterId("loras/chalk"), weight=0.5)
    order = MakingOrder(name="mix", models=(A, B), ratio=0.25, loras=(chalk,), precision="fp32")
    done = _ended(makings, makings.order(order))
    makings.stop()
    assert (done.state, done.error, done.target) == (MakingState.DONE, None, "checkpoints/mix")
    assert done.bytes_total is not None
    assert done.bytes_total <= done.bytes_done < done.bytes_total * 1.5 + 500_000
    wanted = _weight(models / "a") * 0.75 + _weight(models / "b") * 0.25
    change = torch.full(wanted.shape[:2], 0.5 * 2.0).reshape(wanted.shape)
    torch.testing.assert_close(_weight(models / "checkpoints" / "mix"), wanted + change)


def test_one_is_made_after_the_other_and_no_name_twice(
    makings: Makings, models: Path, made: list[str]
) -> None:
    slow = makings.order(MakingOrder(name="slow", models=(A, B)))
    mix = makings.order(MakingOrder(name="mix", models=(A,), precision="fp16"))
    eventually(lambda: (makings.list()[0].bytes_done, makings.list()[0].bytes_total) == (4, 10))
    told = makings.list()
    assert [each.state for each in told] == [MakingState.RUNNING, MakingState.WAITING]
    with pytest.raises(BadRequest, match="being made"):
        makings.order(MakingOrder(name="mix", models=(B,)))
    makings.drop(slow.id)
    done = _ended(makings, mix)
    assert (done.state, done.bytes_done) == (MakingState.DONE, 10)
    eventually(lambda: made == ["made"])
    assert [path.name for path in (models / "checkpoints").iterdir()] == ["mix"]
    assert list((models / STAGING).iterdir()) == []
    with pytest.raises(BadRequest, match="already"):
        makings.order(MakingOrder(name="mix", models=(A, B)))


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"models": (A, B), "method": "difference"}, BadRequest, "made of 3"),
        ({"models": (A, A)}, BadRequest, "twice"),
        ({"models": (A, B), "blocks": (0.5, 0.5)}, BadRequest, "26 were expected"),
        ({"models": (A, B), "layout": "file"}, BadRequest, "one model as it is"),
        ({"models": (A,), "layout": "folder", "precision": "fp8"}, BadRequest, "fp8"),
        ({"models": (A, ModelId("c"))}, UnknownModel, "'c'"),
        ({"models": (A,), "loras": (LoraShare(id=AdapterId("ink")),)}, UnknownAdapter, "'ink'"),
    ],
)
def test_what_is_no_recipe_is_a_sentence_at_once(
    written: Path, tmp_path: Path, fields: dict[str, object], error: type[Exception], said: str
) -> None:
    makings = Makings(MakingRecords(tmp_path), written, Catalog([written]), lambda: None)
    with pytest.raises(error, match=said):
        makings.order(MakingOrder(name="new", **fields))
    assert makings.list() == ()


@pytest.mark.parametrize(("precision", "share"), [("fp32", 2.0), (None, 1.0), ("fp8", 0.5)])
def test_a_disk_without_room_is_a_sentence_at_once(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Any, share: float
) -> None:
    weights = sum(
        weights.numel() * weights.element_size()
        for file in (written / "a").rglob("*.safetensors")
        for weights in load_file(file).values()
    )
    makings = Makings(MakingRecords(tmp_path), written, Catalog([written]), lambda: None)
    order = MakingOrder(name="new", models=(A, B), precision=precision)
    for free, fits in ((weights * share - 1, False), (weights * share, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with nullcontext() if fits else pytest.raises(BadRequest, match="are free where models"):
            makings.order(order)
    assert len(makings.list()) == 1


def test_what_the_program_refuses_is_its_sentence(makings: Makings, models: Path) -> None:
    refused = makings.order(MakingOrder(name="refused", models=(A, B)))
    killed = makings.order(MakingOrder(name="killed", models=(A, B)))
    failed = _ended(makings, refused)
    assert (failed.state, failed.error) == (MakingState.FAILED, "It cannot be.")
    assert "signal 9" in str(_ended(makings, killed).error)
    assert not (models / "checkpoints").exists()
    again = makings.again(refused.id)
    assert (again.state, again.error) == (MakingState.WAITING, None)
    assert _ended(makings, refused).error == "It cannot be."
    makings.drop(refused.id)
    assert [each.id for each in makings.list()] == [killed.id]
    with pytest.raises(NotFound):
        makings.again(refused.id)


def test_an_end_of_the_studio_interrupts_and_a_restart_can_order_again(models: Path) -> None:
    first = _started(models, [])
    ordered = first.order(MakingOrder(name="slow", models=(A, B)))
    eventually(lambda: first.list()[0].bytes_done == 4)
    first.stop()
    lost = ordered.model_copy(update={"id": MakingId("0123"), "state": MakingState.RUNNING})
    MakingRecords(models.parent).put(lost)  # as after a loss of power
    left = models / STAGING / lost.id / "slow"
    left.mkdir(parents=True)
    second = _started(models, [])
    try:
        assert [each.state for each in second.list()] == [MakingState.INTERRUPTED] * 2
        assert not left.exists()
        assert not (models / "checkpoints").exists()
        (models.parent / "program.py.hurry").touch()
        second.again(ordered.id)
        assert _ended(second, ordered).state is MakingState.DONE
        assert (models / "checkpoints" / "slow" / "model_index.json").is_file()
    finally:
        second.stop()


def test_the_program_ends_with_the_studio_that_ordered_it(written: Path, tmp_path: Path) -> None:
    program = Program([str(tmp_path / "new"), str(written / "a")])
    process = program.process
    assert process.stdin is not None
    process.stdin.close()  # as the system does for a process that is gone
    with pytest.raises(NotMade):
        program.wait(lambda _: None)
    assert process.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_where_others_reach_the_studio_nothing_is_ordered(written: Path, tmp_path: Path) -> None:
    makings = Makings(MakingRecords(tmp_path), written, Catalog([written]), lambda: None, "No")
    with pytest.raises(NotAllowed, match="No"):
        makings.order(MakingOrder(name="new", models=(A, B)))
    with pytest.raises(NotAllowed, match="No"):
        makings.drop(MakingId("0"))


def test_a_list_that_cannot_be_read_is_an_empty_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "makings.json").write_text("{")
    assert MakingRecords(tmp_path).all() == ()
    assert "makings.json" in caplog.text
