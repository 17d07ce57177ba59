"""What a network predicts is found in what lies around its weights, in a fixed order."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.weights.files import write_header, write_sparse
from webui.contracts.errors import BrokenModel
from webui.weights.read import read_weights
from webui.weights.signatures.facts import WeightsFile
from webui.weights.signatures.prediction import find_prediction

_BIAS = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"


def _found(file: Path, **said: Any) -> str:
    return find_prediction(WeightsFile(file, read_weights(file), said))


def _with_bias(file: Path, dtype: str, spread: float) -> Path:
    values = [spread, -spread] * 4
    if dtype == "BF16":
        data = b"".join(struct.pack("<f", value)[2:] for value in values)
    else:
        data = struct.pack(f"<8{'f' if dtype == 'F32' else 'e'}", *values)
    entry = {"dtype": dtype, "shape": [8], "data_offsets": [0, len(data)]}
    return write_header(file, {_BIAS: entry}, data)


def test_nothing_known_means_epsilon(tmp_path: Path) -> None:
    assert _found(write_sparse(tmp_path / "a.safetensors", {"x": [1]})) == "epsilon"


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_the_published_models_are_told_apart_by_a_measurement(tmp_path: Path, dtype: str) -> None:
    assert _found(_with_bias(tmp_path / "a.safetensors", dtype, 0.2)) == "v_prediction"
    assert _found(_with_bias(tmp_path / "b.safetensors", dtype, 0.05)) == "epsilon"


def test_a_name_wins_over_the_measurement(tmp_path: Path) -> None:
    for name in ("v2-1_768-v-ema", "thing_vpred", "thing-v-pred", "noob-v_pred"):
        assert _found(_with_bias(tmp_path / f"{name}.safetensors", "F32", 0.05)) == "v_prediction"


def test_a_configuration_beside_it_wins_over_the_name(tmp_path: Path) -> None:
    file = write_sparse(tmp_path / "x-v-pred.safetensors", {"x": [1]})
    beside = file.with_suffix(".yaml")
    beside.write_text("model:\n  params:\n    linear_start: 0.00085\n")
    assert _found(file) == "epsilon"
    beside.write_text('model:\n  params:\n    parameterization: "v"\n')
    assert _found(file) == "v_prediction"


def test_what_the_writer_noted_wins_over_the_configuration(tmp_path: Path) -> None:
    noted = {"modelspec.prediction_type": "epsilon"}
    file = write_sparse(tmp_path / "a.safetensors", {"x": [1]}, metadata=noted)
    file.with_suffix(".yaml").write_text("parameterization: v\n")
    assert _found(file) == "epsilon"
    marked = write_sparse(tmp_path / "b.safetensors", {"v_pred": []})
    assert _found(marked) == "v_prediction"


def test_a_person_has_the_last_word(tmp_path: Path) -> None:
    noted = {"modelspec.prediction_type": "epsilon"}
    file = write_sparse(tmp_path / "a.safetensors", {"x": [1]}, metadata=noted)
    assert _found(file, prediction="v") == "v_prediction"
    with pytest.raises(BrokenModel, match="'sigma'"):
        _found(file, prediction="sigma")
