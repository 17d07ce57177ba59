"""A pickle that would run code runs none, whatever kind of adapter it is said to be and however it got there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.errors import EaselError
from webui.contracts.ids import AdapterId
from webui.engine.adapters.store import LOADERS, load_adapter
from webui.services.adapter_kinds import KINDS
from webui.services.catalog import Catalog

CPU = torch.device("cpu")


class Runs:
    """Opening it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return exec, (f"open({str(self.marker)!r}, 'w').close()",)


def _pickled(file: Path, marker: Path, as_zip: bool) -> Path:
    content = {"string_to_param": {"*": torch.ones(1, 8)}, "x": Runs(marker)}
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, file, _use_new_zipfile_serialization=as_zip)
    return file


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "stream"])
def test_among_models_it_is_a_problem_with_its_name(tmp_path: Path, as_zip: bool) -> None:
    marker, models = tmp_path / "it-ran", tmp_path / "models"
    files = [
        _pickled(models / folder / f"evil{ending}", marker, as_zip)
        for kind in KINDS for folder in kind.folders[:1] for ending in (".pt", ".bin", ".safetensors")
        if ending in kind.endings
    ]  # fmt: skip
    files += [_pickled(models / f"evil{ending}", marker, as_zip) for ending in (".ckpt", ".pth")]
    catalog = Catalog([models])
    assert (catalog.models(), catalog.adapters()) == ((), ())
    told = dict(catalog.problems())
    assert set(told) == {str(file) for file in files}
    assert [reason for reason in told.values() if "exec" not in reason] == []
    assert not marker.exists()
    torch.load(files[0], weights_only=False)
    assert marker.exists()  # the files are what they are said to be


@pytest.mark.parametrize("kind", LOADERS)
def test_a_worker_that_is_handed_one_does_not_open_it(tmp_path: Path, kind: AdapterKind) -> None:
    """As if it had been put in place of a file that was looked at."""
    marker = tmp_path / "it-ran"
    file = _pickled(tmp_path / "evil" / "model.safetensors", marker, True)
    for name in ("pytorch_model.bin", "diffusion_pytorch_model.safetensors"):
        shutil.copy(file, file.with_name(name))
    (file.parent / "config.json").write_text("{}")
    for path in (file, file.parent):
        with pytest.raises(EaselError):
            load_adapter(AdapterInfo(AdapterId("evil"), kind, "evil", str(path), 1), CPU)
    assert not marker.exists()


def test_every_kind_is_among_them() -> None:
    assert set(LOADERS) == set(get_args(AdapterKind))
