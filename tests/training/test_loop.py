"""The training loop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from webui.training.loop import LoopSettings, fit, is_compiled, steps_taken
from webui.training.runs import Pixels, load_checkpoint

SETTINGS = LoopSettings(
    batch=8, peak_learning_rate=0.2, warmup_steps=1, ema_decay=0.9, budget_seconds=9.0
)


def loss_of_a_line(network: nn.Module, rng: np.random.Generator) -> Tensor:
    """Of y = 3 x."""
    x = torch.from_numpy(rng.standard_normal((8, 1)).astype(np.float32))
    made: Tensor = network(x)
    return (made - 3 * x).square().mean()


def test_a_network_is_fitted_and_comes_back_averaged_and_in_evaluation_mode(tmp_path: Path) -> None:
    fitted = fit(nn.Linear(1, 1), loss_of_a_line, SETTINGS, tmp_path, SETTINGS)
    assert abs(fitted.weight.item() - 3) < 0.1
    assert not fitted.training
    saved = load_checkpoint(tmp_path / "checkpoint.pt")
    assert saved is not None
    assert torch.equal(saved["ema"]["weight"], fitted.weight)
    assert saved["settings"]["batch"] == 8


def test_a_second_start_goes_on_and_a_spent_budget_trains_no_more(tmp_path: Path) -> None:
    first = fit(nn.Linear(1, 1), loss_of_a_line, SETTINGS, tmp_path, SETTINGS)
    steps = (load_checkpoint(tmp_path / "checkpoint.pt") or {})["step"]
    again = fit(nn.Linear(1, 1), loss_of_a_line, SETTINGS, tmp_path, SETTINGS)
    assert torch.equal(again.weight, first.weight)
    assert (load_checkpoint(tmp_path / "checkpoint.pt") or {})["step"] == steps
    longer = replace(SETTINGS, budget_seconds=12.0)
    fit(nn.Linear(1, 1), loss_of_a_line, longer, tmp_path, longer)
    assert (load_checkpoint(tmp_path / "checkpoint.pt") or {})["step"] > steps


def test_the_steps_of_a_run_can_be_asked_for(tmp_path: Path) -> None:
    assert steps_taken(tmp_path) == 0
    fit(nn.Linear(1, 1), loss_of_a_line, SETTINGS, tmp_path, SETTINGS)
    assert steps_taken(tmp_path) == (load_checkpoint(tmp_path / "checkpoint.pt") or {})["step"] > 0


def test_only_long_runs_on_a_gpu_are_compiled() -> None:
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    long, short = LoopSettings(budget_seconds=1200), LoopSettings(budget_seconds=60)
    asked = [(long, cuda), (short, cuda), (long, cpu), (replace(long, compile=False), cuda)]
    assert [is_compiled(*case) for case in asked] == [True, False, False, False]


def test_frozen_weights_stay_as_they_are(tmp_path: Path) -> None:
    frozen, trained = nn.Linear(1, 1).requires_grad_(False), nn.Linear(1, 1)
    before = frozen.weight.clone()
    fit(nn.Sequential(frozen, trained), loss_of_a_line, SETTINGS, tmp_path, SETTINGS)
    assert torch.equal(frozen.weight, before)


def test_curves_and_samples_are_written_as_pictures(tmp_path: Path) -> None:
    def sheet(network: nn.Linear) -> Pixels:
        return np.full((4, 4, 3), int(network.weight.item() > 2) * 255, np.uint8)

    folder = tmp_path / "line"
    fit(nn.Linear(1, 1), loss_of_a_line, SETTINGS, folder, SETTINGS, sheet)
    assert (folder / "line.csv").exists()
    assert (folder / "line.png").exists()
    assert (folder / "samples.png").exists()
