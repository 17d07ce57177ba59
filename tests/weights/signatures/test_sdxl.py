"""SDXL in single files is known by its shapes, at its true size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weights.files import write_sparse
from tests.weights.ldm_layout import Shapes, sd1_shapes, xl_refiner_shapes, xl_shapes
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import ModelId
from webui.services.single_file import describe_file


@pytest.mark.parametrize(
    ("shapes", "variant", "task", "width"),
    [
        (xl_shapes(), "base", "text", 2048),
        (xl_shapes(9), "base", "inpaint", 2048),
        (xl_shapes(depth=(0, 2, 4)), "base", "text", 2048),
        (xl_refiner_shapes(), "refiner", "text", 1280),
    ],
    ids=["base", "inpaint", "pruned", "refiner"],
)
def test_a_file_of_true_size_is_known(
    tmp_path: Path, shapes: Shapes, variant: str, task: str, width: int
) -> None:
    info = describe_file(write_sparse(tmp_path / "m.safetensors", shapes), ModelId("m"))
    assert info is not None
    assert (info.family, info.variant, info.task) == ("sdxl", variant, task)
    assert (info.native_width, info.latent_factor, info.latent_channels) == (1024, 8, 4)
    assert (info.prediction, info.text_width) == ("epsilon", width)
    assert info.parameters > 2e9


def test_a_marked_file_predicts_v(tmp_path: Path) -> None:
    shapes = {**xl_shapes(), "v_pred": (0,), "ztsnr": (0,)}
    info = describe_file(write_sparse(tmp_path / "m.safetensors", shapes), ModelId("m"))
    assert info is not None
    assert info.prediction == "v_prediction"


def test_the_name_says_that_few_steps_suit(tmp_path: Path) -> None:
    file = write_sparse(tmp_path / "sd_xl_turbo_1.0.safetensors", xl_shapes())
    info = describe_file(file, ModelId("m"))
    assert info is not None
    assert dict(info.defaults)["steps"] == 4


def test_a_text_encoder_that_does_not_fit_is_a_broken_model(tmp_path: Path) -> None:
    shapes = xl_shapes()
    shapes["conditioner.embedders.1.model.text_projection"] = (1024, 1024)
    with pytest.raises(BrokenModel, match="reads tokens of 2048 numbers"):
        describe_file(write_sparse(tmp_path / "m.safetensors", shapes), ModelId("m"))


def test_other_models_stay_what_they_are(tmp_path: Path) -> None:
    info = describe_file(write_sparse(tmp_path / "m.safetensors", sd1_shapes()), ModelId("m"))
    assert info is not None
    assert info.family == "sd1"
