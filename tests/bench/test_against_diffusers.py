"""What is timed really runs."""

from __future__ import annotations

import pytest
import torch

from tests.bench.against_diffusers import FOLDER, denoise, requests
from tests.bench.shapes import of_shape, random_unet
from webui.contracts.ids import ModelId
from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import load_folder

SHAPE = {
    "in_channels": 4, "out_channels": 4, "layers_per_block": 1, "cross_attention_dim": 16,
    "block_out_channels": (32, 32), "attention_head_dim": 4,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}  # fmt: skip


@pytest.fixture
def model() -> LoadedModel:
    unet = random_unet(SHAPE, torch.device("cpu"), torch.float32)
    return of_shape("tiny-shape", SHAPE, unet, load_folder(FOLDER, ModelId("starter/text")), 64)


def test_a_shape_of_random_weights_is_denoised(model: LoadedModel) -> None:
    steps = []
    hook = model.unet.register_forward_hook(lambda *_: steps.append(1))
    denoise(model, requests(1, 3, width=64, height=64))
    hook.remove()
    assert len(steps) == 3


def test_a_job_that_fails_is_no_measurement(model: LoadedModel) -> None:
    def fail(*_: object) -> None:
        raise ValueError("The network is broken.")

    model.unet.register_forward_hook(fail)
    with pytest.raises(
        RuntimeError, match=r"1 jobs of the benchmark failed.*The network is broken"
    ):
        denoise(model, requests(1, 3, width=64, height=64))
