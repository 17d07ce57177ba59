from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.engine.rig import Rig, order
from tests.engine.tiny import write_tiny
from webui.contracts.messages import PictureReady
from webui.engine import precision
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.precision import compute_dtype, use_bfloat16_on_processor

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets ends with it."""
    monkeypatch.setattr(precision._OnProcessor, "dtype", torch.float32)


def test_a_gpu_gets_half_precision_of_the_stored_kind() -> None:
    cuda = torch.device("cuda:0")
    assert compute_dtype(cuda, "F16") == torch.float16
    assert compute_dtype(cuda, "BF16") == torch.bfloat16


def test_a_processor_that_can_is_asked_to_compute_in_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_tiny(tmp_path / "tiny")
    assert compute_dtype(CPU, "BF16") == torch.float32
    exact, name = _drawn(load_model(checkpoint, CPU))
    assert name == ""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    assert use_bfloat16_on_processor()
    model = load_model(checkpoint, CPU)
    assert model.dtype == torch.bfloat16
    coarse, name = _drawn(model)
    assert name == "bfloat16"
    assert 0 < abs(coarse.astype(int) - exact).mean() < 12


def _drawn(model: LoadedModel) -> tuple[NDArray[np.uint8], str]:
    """A picture, and in what precision it is said to be drawn."""
    rig = Rig(model)
    rig.finish(order(model.checkpoint))
    (ready,) = (event for event in rig.events if isinstance(event, PictureReady))
    return rig.pictures("job")[0], ready.precision


def test_one_that_cannot_goes_on_in_float32(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    assert not use_bfloat16_on_processor()
    assert compute_dtype(CPU) == torch.float32
    assert "does not multiply in bfloat16" in caplog.text
