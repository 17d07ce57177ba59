"""First stages beside one another."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.test_first_stage import TINY
from webui.training.evaluation.first_stages import (
    FirstStageRun,
    first_stage_table,
    load_runs,
    measure_first_stage,
    reconstruct,
    record,
)
from webui.training.evaluation.unseen import unseen
from webui.training.first_stage import build_first_stage
from webui.training.judge import Judge, JudgeSettings

RUN = FirstStageRun("kl-f8", 8, "KL", 4, 3_300_000, 240, 900, 27.1, 0.9, 0.2, 200)


def test_a_run_takes_the_place_of_one_of_its_name_and_all_are_in_order(tmp_path: Path) -> None:
    path = tmp_path / "first-stages.json"
    record(RUN, path)
    record(replace(RUN, name="vq-f4", f=4, regulariser="VQ"), path)
    record(replace(RUN, steps=1000), path)
    assert [(run.name, run.steps) for run in load_runs(path)] == [("vq-f4", 900), ("kl-f8", 1000)]


def test_a_file_with_other_fields_is_refused_with_the_right_ones(tmp_path: Path) -> None:
    path = tmp_path / "first-stages.json"
    path.write_text('[{"name": "kl-f8"}]')
    with pytest.raises(ValueError, match="exactly: name, f, regulariser"):
        load_runs(path)


def test_runs_are_columns() -> None:
    table = first_stage_table([RUN, replace(RUN, name="kl-f4", f=4, samples=100)])
    assert table.headings == ("kl-f8 (KL)", "kl-f4 (KL)")
    assert table.figures[0].values == (8.0, 4.0)
    assert table.figures[0].samples == 100


def test_an_untrained_first_stage_keeps_little_and_its_pictures_have_the_size_they_had() -> None:
    torch.manual_seed(0)
    vae = build_first_stage(TINY)
    judge = Judge(JudgeSettings(channels=(4, 8, 8, 8))).eval()
    true = unseen(3, 32).pictures
    made = reconstruct(vae, true)
    assert made.shape == true.shape
    assert made.dtype == np.uint8
    fidelity = measure_first_stage(vae, true, judge)
    assert fidelity.psnr_db < 15
    assert fidelity.ssim < 0.5
    assert fidelity.feature_distance > 0
