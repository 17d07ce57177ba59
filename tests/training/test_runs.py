"""What every training script shares."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from webui.training.runs import (
    Clock,
    Ema,
    Journal,
    learning_rate,
    load_checkpoint,
    picture_sheet,
    save_checkpoint,
    to_uint8,
)


@dataclass(frozen=True)
class _Settings:
    width: int = 3


def test_the_average_follows_the_weights_and_is_lent_for_a_block_only() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    ema = Ema(module, decay=0.5)
    nn.init.ones_(module.weight)
    ema.update(module)
    with ema.applied_to(module):
        averaged = module.weight.item()
    assert 0.0 < averaged < 1.0
    assert module.weight.item() == 1.0


def test_the_learning_rate_warms_up_and_ends_near_zero() -> None:
    assert learning_rate(1.0, step=0, progress=0.0, warmup_steps=10) == pytest.approx(0.1)
    assert learning_rate(1.0, step=10, progress=0.0, warmup_steps=10) == pytest.approx(1.0)
    assert learning_rate(1.0, step=10, progress=1.0, warmup_steps=10) == pytest.approx(0.02)


def test_a_clock_counts_earlier_starts() -> None:
    clock = Clock(budget_seconds=10.0, spent_seconds=8.0)
    assert 0.8 <= clock.progress < 0.9
    assert Clock(budget_seconds=10.0, spent_seconds=50.0).progress == 1.0


def test_a_checkpoint_comes_back_with_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, _Settings(), weights={"a": torch.ones(2)}, step=4)
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert loaded["settings"] == {"width": 3}
    assert loaded["step"] == 4
    assert torch.equal(loaded["weights"]["a"], torch.ones(2))
    assert not path.with_suffix(".partial").exists()


def test_a_journal_goes_on_where_it_was_and_draws_its_curves(tmp_path: Path) -> None:
    Journal(tmp_path, "run").add(seconds=1.0, loss=2.0)
    again = Journal(tmp_path, "run")
    again.add(seconds=2.0, loss=1.0)
    assert [row["loss"] for row in again.rows] == [2.0, 1.0]
    assert again.chart_path.read_bytes().startswith(b"\x89PNG")


def test_pictures_round_to_the_nearest_byte_and_clip() -> None:
    levels = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).view(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert to_uint8(levels)[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_a_sheet_leaves_empty_cells_white() -> None:
    sheet = picture_sheet(np.zeros((3, 2, 2, 3), np.uint8), columns=2)
    assert sheet.shape == (4, 4, 3)
    assert sheet[2:, 2:].min() == 255
    assert sheet[:2].max() == 0
