"""What torch.save wrote is known without being unpickled, in both of its formats."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from webui.contracts.errors import BrokenModel, NotAModel, UnsafeModel
from webui.engine.weights import open_weights
from webui.weights.pickle_walk import MAX_STEPS
from webui.weights.read import read_weights
from webui.weights.torch_file import LEGACY_MAGIC, read_pickled

FORMATS = pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "stream"])


def save(content: Any, file: Path, as_zip: bool = True) -> Path:
    torch.save(content, file, _use_new_zipfile_serialization=as_zip)
    return file


class Runs:
    """Opening it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


@FORMATS
def test_tensors_are_found_where_they_lie(tmp_path: Path, as_zip: bool) -> None:
    whole = torch.arange(24.0).reshape(4, 6)
    content = {
        "a": whole, "b": whole.half(), "c": whole.t(), "d": whole[1:3, 2:4], "e": torch.tensor(3),
        "f": whole.bfloat16(), "g": torch.nn.Parameter(whole), "h": torch.empty(0, 3),
        "i": torch.tensor([True, False]), "j": whole.to(torch.float8_e4m3fn),
    }  # fmt: skip
    if not as_zip:
        del content["j"]  # torch itself cannot write it in its older way
    weights = open_weights(save(content, tmp_path / "x.ckpt", as_zip))
    assert list(weights) == list(content)
    for name, tensor in content.items():
        assert weights[name].dtype == tensor.dtype
        assert torch.equal(weights[name].float(), tensor.detach().float()), name


@FORMATS
def test_a_trainers_file_shows_its_weights_and_notes(tmp_path: Path, as_zip: bool) -> None:
    content = {
        "state_dict": OrderedDict({"x.weight": torch.ones(2)}),
        "global_step": 470000,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}],
    }
    header = read_weights(save(content, tmp_path / "x.ckpt", as_zip))
    assert (header.format, dict(header.shapes)) == ("pickle", {"x.weight": (2,)})
    assert header.metadata == {"global_step": "470000"}


@FORMATS
def test_nested_mappings_lists_and_modules_are_joined_by_points(
    tmp_path: Path, as_zip: bool
) -> None:
    content = {
        "string_to_param": torch.nn.ParameterDict({"*": torch.ones(2, 3)}),
        768: ({"linear.weight": torch.ones(4)}, {"linear.weight": torch.ones(5)}),
    }
    header = read_weights(save(content, tmp_path / "x.pt", as_zip))
    assert dict(header.shapes) == {
        "string_to_param.*": (2, 3), "768.0.linear.weight": (4,), "768.1.linear.weight": (5,),
    }  # fmt: skip


@FORMATS
def test_a_pickle_that_would_run_code_is_refused_by_name_and_does_not_run(
    tmp_path: Path, as_zip: bool
) -> None:
    marker = tmp_path / "marker"
    file = save({"x": torch.ones(1), "y": Runs(marker)}, tmp_path / "x.ckpt", as_zip)
    with pytest.raises(UnsafeModel, match=r"posix\.system|nt\.system") as caught:
        read_weights(file)
    assert caught.value.named == f"{os.name}.system"
    assert "x.ckpt" in str(caught.value)
    assert not marker.exists()
    torch.load(file, weights_only=False)
    assert marker.exists()  # the file is what it is said to be


def test_a_plain_pickle_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    file.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(NotAModel, match="torch did not write"):
        read_weights(file)


def test_a_zip_of_other_things_is_no_model(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("../../readme.txt", "x")
    with pytest.raises(NotAModel, match=r"without torch's data\.pkl"):
        read_weights(tmp_path / "x.pt")


def test_a_compressed_archive_is_refused_before_it_grows(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(BrokenModel, match="compressed"):
        read_weights(tmp_path / "x.pt")


def test_a_tensor_beyond_its_storage_is_broken(tmp_path: Path) -> None:
    class Bigger:
        def __reduce__(self) -> Any:
            storage = torch.ones(2).untyped_storage()
            # Any: torch's own class is untyped.
            make: Any = torch.storage.TypedStorage
            typed = make(wrap_storage=storage, dtype=torch.float32, _internal=True)
            maker = torch._utils._rebuild_tensor_v2
            return maker, (typed, 0, (9,), (1,), False, OrderedDict())

    with pytest.raises(BrokenModel, match="larger than its storage"):
        read_weights(save({"x": Bigger()}, tmp_path / "x.pt"))


@FORMATS
def test_every_cut_of_a_file_is_an_error_of_ours(tmp_path: Path, as_zip: bool) -> None:
    file = save({"x": torch.ones(300), "y": torch.ones(3).half()}, tmp_path / "x.pt", as_zip)
    whole = file.read_bytes()
    for length in range(0, len(whole), 37):
        file.write_bytes(whole[:length])
        with pytest.raises((NotAModel, BrokenModel)):
            read_weights(file)


def test_lists_that_hold_one_another_many_times_end_in_an_error(tmp_path: Path) -> None:
    inner: Any = [torch.ones(1)]
    for _ in range(30):
        inner = [inner, inner, inner, inner, inner, inner]
    with pytest.raises(BrokenModel, match=r"values|holds no"):
        _whole(save({"x": inner}, tmp_path / "x.pt"))


def _whole(file: Path) -> None:
    if not read_weights(file).tensors:
        raise BrokenModel("It holds no tensors so near the top.")


def test_the_whole_description_is_there_for_those_who_need_more(tmp_path: Path) -> None:
    file = save({"name": "cat", "string_to_token": {"*": 265}}, tmp_path / "x.pt")
    assert read_pickled(file, file.stat().st_size).content["string_to_token"] == {"*": 265}


def test_a_number_of_thousands_of_digits_beside_the_weights_is_damage(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel):
        read_weights(save({"epoch": 10**5000, "x": torch.ones(1)}, tmp_path / "x.pt"))


@FORMATS
def test_a_name_longer_than_any_is_not_joined_for_each_tensor(tmp_path: Path, as_zip: bool) -> None:
    file = save({"k" * 3000: [torch.ones(1)] * 9}, tmp_path / "x.pt", as_zip)
    with pytest.raises(BrokenModel, match="more than 2000 characters"):
        read_weights(file)


@FORMATS
def test_a_tensor_of_more_dimensions_than_any_is_damage(tmp_path: Path, as_zip: bool) -> None:
    assert read_weights(save(torch.ones((1,) * 32), tmp_path / "a.pt", as_zip)).tensors
    with pytest.raises(BrokenModel, match="more than 32 dimensions"):
        read_weights(save(torch.ones((1,) * 33), tmp_path / "b.pt", as_zip))


def test_all_pickles_of_a_file_are_counted_together(tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    contents: tuple[object, ...] = (LEGACY_MAGIC, 1001, {}, {}, [])
    many = [pickle.dumps(each, 2) for each in contents]
    idle = b"\x80\x02" + b"N0" * (MAX_STEPS // 6)
    file.write_bytes(b"".join(idle + each[2:] for each in many))
    with pytest.raises(BrokenModel, match=f"more than {MAX_STEPS} instructions"):
        read_weights(file)
