"""SDXL in single files is known by its shapes, at its true size."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.weights.files import write_sparse
from tests.weights.ldm_layout import (
    KOALA_700M,
    SSD_1B,
    VEGA,
    XL,
    Shapes,
    Unet,
    sd1_shapes,
    unet_shapes,
    xl_refiner_shapes,
    xl_shapes,
)
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import ModelId
from webui.services.single_file import describe_file
from webui.weights.ldm_unet import unet_shape

Depths = tuple[tuple[int, ...], ...]


@pytest.mark.parametrize(
    ("shapes", "variant", "task", "width"),
    [
        (xl_shapes(), "base", "text", 2048),
        (xl_shapes(9), "base", "inpaint", 2048),
        (xl_shapes(unet=SSD_1B), "base", "text", 2048),
        (xl_shapes(unet=VEGA), "base", "text", 2048),
        (xl_shapes(unet=KOALA_700M), "base", "text", 2048),
        (xl_refiner_shapes(), "refiner", "text", 1280),
    ],
    ids=["base", "inpaint", "SSD-1B", "Vega", "KOALA", "refiner"],
)
def test_a_file_of_true_size_is_known(
    tmp_path: Path, shapes: Shapes, variant: str, task: str, width: int
) -> None:
    info = describe_file(write_sparse(tmp_path / "m.safetensors", shapes), ModelId("m"))
    assert info is not None
    assert (info.family, info.variant, info.task) == ("sdxl", variant, task)
    assert (info.native_width, info.latent_factor, info.latent_channels) == (1024, 8, 4)
    assert (info.prediction, info.text_width) == ("epsilon", width)
    assert info.parameters > 1.5e9


@pytest.mark.parametrize(
    ("unet", "millions", "down", "middle", "up"),
    [
        (XL, 2567, ((0, 0), (2, 2), (10, 10)), 10, ((0, 0, 0), (2, 2, 2), (10, 10, 10))),
        (SSD_1B, 1331, ((0, 0), (2, 2), (4, 4)), 0, ((0, 0, 0), (2, 1, 1), (4, 4, 10))),
        (VEGA, 745, ((0, 0), (1, 1), (2, 2)), 0, ((0, 0, 0), (1, 1, 1), (2, 2, 2))),
        (KOALA_700M, 782, ((0,), (2,), (5,)), None, ((0, 0), (2, 2), (5, 5))),
    ],
    ids=["base", "SSD-1B", "Vega", "KOALA"],
)
def test_the_depth_of_each_block_is_read_from_its_names(
    unet: Unet, millions: int, down: Depths, middle: int | None, up: Depths
) -> None:
    shapes = unet_shapes(unet)
    found = unet_shape(shapes)
    assert found is not None
    assert (found.down_depths, found.middle_depth, found.up_depths) == (down, middle, up)
    assert sum(math.prod(shape) for shape in shapes.values()) // 10**6 == millions


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
