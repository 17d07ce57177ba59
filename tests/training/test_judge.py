"""The judge: what it should say, how it is taught, kept and asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.training.parts import TINY_LOOP
from webui.training.command import TrainingRefused
from webui.training.evaluation.facts import score
from webui.training.evaluation.unseen import unseen
from webui.training.evaluation.workbench import blurred
from webui.training.judge import (
    Judge,
    JudgeSettings,
    feature_distance,
    judge_features,
    judge_loss,
    judge_pictures,
    lessons,
    load_judge,
    main,
    save_judge,
    train_judge,
    truth,
)
from webui.training.scenes import scene_pool
from webui.training.world import STYLES, Scene, sample_scene

TINY = JudgeSettings(channels=(4, 8, 8, 8), loop=TINY_LOOP)
IN_THE_BOX = Path(__file__).resolve().parents[2] / "models" / "starter" / "judge.safetensors"


@pytest.fixture(scope="module")
def judge() -> Judge:
    torch.manual_seed(0)
    return Judge(TINY).eval()


def _with_three_of_a_kind() -> Scene:
    return next(
        scene for scene in map(sample_scene, range(1000)) if any(t.count == 3 for t in scene.things)
    )


def test_the_truth_of_a_scene_names_its_things_where_they_are() -> None:
    scene = _with_three_of_a_kind()
    verdict = truth(scene)
    assert (verdict.time, verdict.ground, verdict.style) == (scene.time, scene.ground, scene.style)
    for thing in scene.things:
        assert verdict.shows_at(thing.kind, thing.side)
        assert verdict.shows_counted(thing.kind, thing.count, thing.side)
        if thing.colour is not None:
            assert verdict.shows_coloured(thing.kind, thing.colour, thing.side)
    assert (verdict.things > 0).sum() == len(scene.things) == (verdict.counts > 0).sum()


def test_answers_that_are_sure_and_right_cost_nothing_and_wrong_ones_much() -> None:
    right = lessons([truth(sample_scene(seed)) for seed in range(8)])
    classes = (4, 5, len(STYLES), 9, 4)
    sure = type(right)(
        *(torch.nn.functional.one_hot(r, c) * 50.0 for r, c in zip(right, classes, strict=True))
    )
    assert judge_loss(sure, right).item() == pytest.approx(0.0, abs=1e-4)
    assert judge_loss(type(right)(*(-logits for logits in sure)), right).item() > 100


def test_a_judge_survives_saving_with_its_size(judge: Judge, tmp_path: Path) -> None:
    save_judge(judge, TINY, tmp_path / "judge.safetensors")
    again = load_judge(tmp_path / "judge.safetensors")
    pictures = torch.linspace(-1, 1, 3 * 128 * 128).view(1, 3, 128, 128)
    for a, b in zip(judge(pictures), again(pictures), strict=True):
        assert torch.allclose(a, b, atol=2e-2)
    assert (tmp_path / "judge.safetensors").stat().st_mode & 0o444 == 0o444


def test_a_judge_of_an_older_edition_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path, layers = tmp_path / "judge.safetensors", {"time.weight": torch.zeros(1)}
    for header in (None, {"settings": '{"channels": [4, 8]}'}):
        save_file(layers, path, metadata=header)
        with pytest.raises(ValueError, match=r"older edition.*python launch\.py train judge"):
            load_judge(path)


def test_a_short_training_runs_and_judges(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path / "scenes", 8, 128)
    settings = replace(TINY, loop=replace(TINY_LOOP, budget_seconds=0.3))
    judge = train_judge(settings, pool, tmp_path / "judge")
    assert not judge.training
    assert len(judge_pictures(judge, np.asarray(pool.pictures[:3]))) == 3


def test_pictures_of_any_size_are_read(judge: Judge) -> None:
    assert judge_features(judge, unseen(3, 64).pictures).shape == (3, 8)


def test_equal_pictures_are_at_no_distance_and_blurred_ones_nearer_than_others(
    judge: Judge,
) -> None:
    true = unseen(4, 64).pictures
    assert feature_distance(judge, true, true) == 0.0
    soft, other = blurred(true, 2), true[::-1]
    assert 0 < feature_distance(judge, soft, true) < feature_distance(judge, other, true)


def test_the_command_trains_and_writes_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.training.command.POOL_SCENES", {"cpu": 8})
    out = tmp_path / "judge.safetensors"
    flags = ["--recipe", "cpu", "--minutes", "0.002", "--work", str(tmp_path / "run")]
    assert main([*flags, "--out", str(out)]) == 0
    load_judge(out)


def test_pictures_without_truth_teach_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="rendered scenes only"):
        main(["--data", str(tmp_path), "--work", str(tmp_path / "run")])


@pytest.mark.slow
def test_the_judge_in_the_box_reads_unseen_true_pictures() -> None:
    asked = unseen(200, 128, 5000)
    scores = score(asked.captions, judge_pictures(load_judge(IN_THE_BOX), asked.pictures))
    assert min(share.share for share in scores.values()) >= 0.95
