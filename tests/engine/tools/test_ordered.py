"""What the program says before it writes: how much, and whether there is room."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.engine.tools.test_merge import NAMES, _write
from webui.contracts.errors import BadRequest
from webui.engine.tools.model_source import ModelSource
from webui.engine.tools.ordered import make
from webui.weights.room import check_room, made_bytes


def test_the_bytes_are_those_that_are_written(tmp_path: Path) -> None:
    source = ModelSource(_write(tmp_path / "a.safetensors", 0))
    numbers = sum(torch.Size(shape).numel() for shape in NAMES.values())
    ((_, weights),) = source.files()
    assert made_bytes(weights.header, None) == 4 * numbers + 8  # `steps` is one whole number
    assert made_bytes(weights.header, "fp16", ("model_ema.",)) == 2 * (numbers - 1) + 8


def test_what_does_not_fit_the_disk_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000_000))
    check_room(2_000_000_000, tmp_path)
    with pytest.raises(BadRequest, match=r"about 7\.0 GB, and 2\.0 GB are free"):
        check_room(7_000_000_000, tmp_path)


def test_what_is_made_and_what_is_refused_is_said_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = str(_write(tmp_path / "a.safetensors", 0))
    target = tmp_path / "made.safetensors"
    assert make([str(target), a, "--precision=fp16"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[0])
    assert told["bytes"] <= target.stat().st_size < told["bytes"] + 2000
    assert make([str(tmp_path / "folder"), a, a, "--method=difference"]) == 1
    assert "is made of 3" in json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
