"""A mapped file that is written to in place is noticed before its numbers are used, and ends no process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from webui.contracts.errors import BrokenModel, FileChanged
from webui.engine.layout_encoder import WEIGHTS, LayoutEncoder, LayoutSettings
from webui.engine.packed import mapping
from webui.engine.packed.late import LateWeight, converted_late, opened
from webui.engine.packed.layers import lighten
from webui.engine.packed.mapping import check_file, file_behind, files_behind, in_use
from webui.engine.weights import open_weights
from webui.training.reading import save_reader

SIDE = 256


def _file(path: Path, value: float = 1.0) -> Path:
    save_file({"weight": torch.full((SIDE, SIDE), value, dtype=torch.float16)}, path)
    return path


def _late(path: Path) -> Any:
    layer = nn.Linear(SIDE, SIDE, bias=False)
    layer.weight = nn.Parameter(open_weights(path)["weight"], requires_grad=False)
    return converted_late(layer, torch.float32)


def _overwrite(path: Path, data: bytes) -> None:
    """In place, a moment later."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def test_what_is_written_to_a_tensor_stays_in_memory(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.safetensors")
    weights = open_weights(path)
    weights["weight"].zero_()
    assert not weights["weight"].any()
    assert open_weights(path)["weight"].all()
    check_file(weights["weight"])


def test_a_file_that_was_written_to_in_place_is_named_with_what_it_had(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.safetensors")
    late = _late(path)
    size = path.stat().st_size
    _overwrite(path, _file(tmp_path / "b.safetensors", 2.0).read_bytes())
    with pytest.raises(FileChanged, match=rf"a\.safetensors' was changed .* {size:,} bytes"):
        late(torch.ones(1, SIDE))
    assert isinstance(late, LateWeight)


def test_a_file_that_was_cut_short_fails_the_layer_and_not_the_process(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.safetensors")
    late, light = _late(path), nn.Sequential(nn.Linear(SIDE, SIDE, bias=False))
    light[0].weight = nn.Parameter(open_weights(path)["weight"], requires_grad=False)
    lighten(light)
    _overwrite(path, b"")
    for network in (late, light):
        with pytest.raises(FileChanged, match="has 0 bytes"):
            network(torch.ones(1, SIDE))


@pytest.mark.skipif(sys.platform != "linux", reason="the way in which a process ends")
def test_without_that_look_the_process_would_end(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.safetensors")
    program = (
        "import sys, os; from pathlib import Path\n"
        "from webui.engine.weights import open_weights\n"
        "path = Path(sys.argv[1]); tensor = open_weights(path)['weight']\n"
        "os.truncate(path, 0); tensor.float()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -7


def test_a_file_that_another_took_the_name_of_is_as_it_was(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.safetensors")
    late = _late(path)
    _file(tmp_path / "b.safetensors", 2.0).replace(path)
    assert float(late(torch.ones(1, SIDE))[0, 0]) == SIDE


def test_a_file_that_changes_while_its_header_is_read_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path / "a.safetensors")
    real = mapping.MappedFile.of

    def late_to_come(where: Path) -> mapping.MappedFile:
        os.truncate(where, 64)
        return real(where)

    monkeypatch.setattr(mapping.MappedFile, "of", late_to_come)
    with pytest.raises(BrokenModel, match="64 now: it is being written"):
        open_weights(path)


def test_a_file_is_looked_at_as_long_as_numbers_of_it_are_used(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.safetensors")
    network = nn.Sequential(_late(path))
    files = files_behind([network])
    assert [file.path for file in in_use(files)] == [path]
    opened(network[0])
    gc.collect()
    assert not list(in_use(files))
    _overwrite(path, b"")
    assert float(network(torch.ones(1, SIDE))[0, 0]) == SIDE
    plain: Any = network[0]
    assert file_behind(plain.weight) is None


def test_a_file_of_weights_that_we_write_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    settings = LayoutSettings(classes=2, width=8)

    def write() -> None:
        LayoutEncoder(settings).save(tmp_path)
        save_reader(nn.Linear(4, 4), settings, tmp_path / "reader.safetensors")

    write()
    for name in (WEIGHTS, "reader.safetensors"):
        old = open_weights(tmp_path / name)
        before = {key: old[key].clone() for key in old}
        write()
        assert all(torch.equal(old[key], before[key]) for key in old)
        for key in old:
            check_file(old[key])
    assert not list(tmp_path.glob("*.partial"))
