"""Of a worker that ended because a mapped file was cut short, that file is named; of another end none is."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import AdapterId
from webui.contracts.messages import WorkerGone
from webui.services.used_files import UsedFiles

GONE = WorkerGone("It was ended by SIGBUS.", "SIGBUS")


@pytest.fixture
def checkpoint(tmp_path: Path) -> CheckpointInfo:
    (tmp_path / "text").mkdir()
    for name in ("a.safetensors", "text/model.safetensors"):
        (tmp_path / name).write_bytes(bytes(5000))
    file, part = tmp_path / "a.safetensors", tmp_path / "text"
    return replace(FAKE_CHECKPOINT, path=str(file), parts=(("text_encoder", str(part)),))


@pytest.mark.parametrize("name", ["a.safetensors", "text/model.safetensors"])
def test_the_file_that_was_changed_in_place_is_named(
    name: str, checkpoint: CheckpointInfo, tmp_path: Path
) -> None:
    used = UsedFiles()
    used.note(checkpoint)
    os.truncate(tmp_path / name, 70)
    used.note(checkpoint)  # a later job: what counts is how it was at first
    why = used.why(GONE)
    assert why.startswith(GONE.reason)
    assert str(tmp_path / name) in why
    assert "had 5,000 bytes, and has 70" in why
    assert used.why(GONE) == GONE.reason  # the next worker sees it as it is


def test_a_loras_file_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "chalk.safetensors"
    path.write_bytes(bytes(5000))
    used = UsedFiles()
    used.note(AdapterInfo(AdapterId("loras/chalk"), "lora", "chalk", str(path), 5000))
    os.truncate(path, 0)
    assert f"The file {str(path)!r} was changed in place" in used.why(GONE)


def test_no_file_is_blamed_for_another_end(checkpoint: CheckpointInfo, tmp_path: Path) -> None:
    used = UsedFiles()
    used.note(checkpoint)
    os.truncate(tmp_path / "a.safetensors", 70)
    assert used.why(WorkerGone("Out of memory.", "SIGKILL")) == "Out of memory."


def test_a_file_that_was_replaced_or_removed_is_not_blamed(
    checkpoint: CheckpointInfo, tmp_path: Path
) -> None:
    used = UsedFiles()
    used.note(checkpoint)
    (tmp_path / "new").write_bytes(bytes(80))
    (tmp_path / "new").replace(tmp_path / "a.safetensors")
    (tmp_path / "text" / "model.safetensors").unlink()
    assert used.why(GONE) == GONE.reason
