"""Pictures drawn by the real engine for a measurement."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.tiny import write_tiny
from webui.contracts.errors import JobFailed
from webui.contracts.ids import ModelId
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import Supplies, draw, load_folder, seconds_alone


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder)
    return load_folder(folder, ModelId("tiny"))


def test_pictures_come_in_the_order_of_their_requests(model: LoadedModel) -> None:
    requests = [GenerationRequest(prompt="x", seed=seed, steps=2) for seed in (1, 2, 1)]
    drawn = draw(model, requests)
    assert drawn[0].shape == (model.checkpoint.native_height, model.checkpoint.native_width, 3)
    assert np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


def test_a_picture_that_fails_says_why(model: LoadedModel, tmp_path: Path) -> None:
    supplies = Supplies(tmp_path)
    name = supplies.keep(np.zeros((32, 32, 3), np.uint8))
    Path(supplies.files[name]).write_bytes(b"no picture")
    with pytest.raises(JobFailed, match="1 of 1 pictures failed"):
        draw(model, [GenerationRequest(prompt="x", seed=1, image=name)], supplies)


def test_supplies_are_kept_once_and_bit_for_bit(tmp_path: Path) -> None:
    supplies = Supplies(tmp_path)
    ids = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert supplies.keep(ids) == supplies.keep(ids.copy()) != supplies.keep(ids.T)
    assert len(supplies.files) == len(list(tmp_path.iterdir())) == 2
    with Image.open(supplies.files[supplies.keep(ids)]) as kept:
        assert kept.mode == "L"
        assert np.array_equal(np.asarray(kept), ids)


def test_the_time_of_a_picture_alone_is_a_median_of_seconds(model: LoadedModel) -> None:
    few = seconds_alone(model, GenerationRequest(prompt="x", seed=1, steps=1))
    many = seconds_alone(model, GenerationRequest(prompt="x", seed=1, steps=40))
    assert 0 < few < many
    assert torch.is_grad_enabled()
