"""A model in a single file is described from its header and from what lies beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.services.models import write_json
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import sd1_shapes, sd2_shapes
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import ModelId
from webui.services.single_file import describe_file


def _describe(file: Path) -> CheckpointInfo:
    info = describe_file(file, ModelId(file.name))
    assert info is not None
    return info


def test_a_file_is_described_from_its_header(tmp_path: Path) -> None:
    notes = {"modelspec.title": "Landscapes", "modelspec.description": "Draws fields."}
    file = write_sparse(tmp_path / "v1.safetensors", sd1_shapes(), metadata=notes)
    info = _describe(file)
    assert (info.id, info.title, info.description) == (
        "v1.safetensors",
        "Landscapes",
        "Draws fields.",
    )
    assert (info.family, info.variant, info.format) == ("sd1", "1.x", "safetensors")
    assert (info.dtype, info.bytes) == ("F16", file.stat().st_size)
    assert info.path == str(file.resolve())
    assert 1.06e9 < info.parameters < 1.07e9
    assert (info.native_width, info.native_height) == (512, 512)


def test_its_words_and_its_training_are_those_of_its_header(tmp_path: Path) -> None:
    said = {
        "modelspec.trigger_phrase": "chalk, dusty paper",
        "modelspec.author": "ann",
        "ss_steps": "900",
    }
    file = write_sparse(tmp_path / "a.safetensors", sd1_shapes(), metadata=said)
    info = describe_file(file, ModelId("a"))
    assert info is not None
    assert info.trigger_words == ("chalk", "dusty paper")
    assert info.training == (("Steps", "900"), ("Author", "ann"))


def test_averaged_weights_are_not_counted(tmp_path: Path) -> None:
    shapes = sd1_shapes()
    twice = shapes | {"model_ema." + n.replace(".", ""): s for n, s in shapes.items()}
    plain = _describe(write_sparse(tmp_path / "a.safetensors", shapes))
    full = _describe(write_sparse(tmp_path / "b.safetensors", twice))
    assert full.parameters == plain.parameters
    assert full.bytes > plain.bytes


def test_a_v_model_has_its_larger_size(tmp_path: Path) -> None:
    info = _describe(write_sparse(tmp_path / "v2-1_768-v-ema.safetensors", sd2_shapes()))
    assert (info.prediction, info.native_width) == ("v_prediction", 768)


def test_the_json_beside_it_has_the_last_word_and_may_hold_other_programs_keys(
    tmp_path: Path,
) -> None:
    file = write_sparse(tmp_path / "a.safetensors", sd2_shapes())
    said = {
        "sd version": "SD2", "notes": "", "prediction": "v_prediction", "native_size": 640,
        "defaults": {"steps": 8},
    }  # fmt: skip
    write_json(tmp_path / "a.json", said)
    info = _describe(file)
    assert (info.prediction, info.native_width) == ("v_prediction", 640)
    assert info.defaults == (("steps", 8),)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"native_size": "big"}, "native_size"),
        ({"native_size": 10**6}, "native_size"),
        ({"defaults": {"seed": 1}}, "defaults"),
        ({"defaults": {"steps": -1}}, "steps"),
    ],
)
def test_a_json_that_cannot_be_used_is_named(tmp_path: Path, said: object, sentence: str) -> None:
    write_json(tmp_path / "a.json", said)
    with pytest.raises(BrokenModel, match=sentence):
        _describe(write_sparse(tmp_path / "a.safetensors", sd1_shapes()))


def test_a_pickled_file_is_described_too(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    weights = {n: torch.zeros(1).expand(s) for n, s in sd1_shapes().items()}
    torch.save({"state_dict": weights, "global_step": 1}, file)
    info = _describe(file)
    assert (info.family, info.format, info.dtype) == ("sd1", "pickle", "F32")


def test_a_file_that_is_to_be_ignored_is_not_read(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"ignore": True})
    assert describe_file(tmp_path / "a.safetensors", ModelId("a")) is None
