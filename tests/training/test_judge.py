"""The judge, and how captions are scored with it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from webui.training.evaluate import JUDGE_FILE, score
from webui.training.judge import (
    Judge,
    JudgeSettings,
    Verdict,
    judge_pictures,
    load_judge,
    save_judge,
    train_judge,
    truth,
    unseen_scenes,
)
from webui.training.scenes import scene_pool
from webui.training.world import GROUNDS, TIMES, caption_facts, sample_scene


def _perfect(seed: int) -> Verdict:
    time, ground, things = truth(sample_scene(seed))
    return Verdict(TIMES[time], GROUNDS[ground], things)


def test_truth_scores_every_stated_fact_as_right() -> None:
    seeds = range(300)
    said = [caption_facts(sample_scene(s), np.random.default_rng(s)) for s in seeds]
    accuracy, facts = score(said, [_perfect(s) for s in seeds])
    assert set(accuracy) == {"time of day", "ground", "object", "colour", "side"}
    assert all(share == 1.0 for share in accuracy.values())
    assert min(facts.values()) > 100


def test_pictures_of_other_captions_score_low() -> None:
    seeds = range(300)
    said = [caption_facts(sample_scene(s), np.random.default_rng(s)) for s in seeds]
    accuracy, _ = score(said, [_perfect(s + 1) for s in seeds])
    assert accuracy["time of day"] < 0.5
    assert accuracy["colour"] < 0.3


def test_a_judge_survives_saving(tmp_path: Path) -> None:
    judge = Judge(JudgeSettings()).eval()
    save_judge(judge, tmp_path / "judge.safetensors")
    pictures = torch.linspace(-1, 1, 3 * 128 * 128).view(1, 3, 128, 128)
    for a, b in zip(
        judge(pictures), load_judge(tmp_path / "judge.safetensors")(pictures), strict=True
    ):
        assert torch.allclose(a, b, atol=2e-2)


def test_a_short_training_runs_and_judges(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path, 8, 128)
    judge = train_judge(replace(JudgeSettings(), pictures=16, batch=8), pool, torch.device("cpu"))
    assert len(judge_pictures(judge, np.asarray(pool.pictures[:3]))) == 3


@pytest.mark.slow
def test_the_judge_in_the_box_reads_unseen_true_pictures() -> None:
    scenes, pictures = unseen_scenes(200, offset=5000)
    said = [caption_facts(s, np.random.default_rng(s.seed)) for s in scenes]
    accuracy, _ = score(said, judge_pictures(load_judge(JUDGE_FILE), pictures))
    assert min(accuracy.values()) >= 0.95
