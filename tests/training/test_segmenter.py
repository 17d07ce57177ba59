"""The segmenter: how it is taught, kept and asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.parts import TINY_LOOP
from webui.training.command import TrainingRefused
from webui.training.evaluation.metrics import mean_iou
from webui.training.evaluation.unseen import unseen
from webui.training.scenes import scene_pool
from webui.training.segmenter import (
    Segmenter,
    SegmenterSettings,
    class_weights,
    colour_map,
    load_segmenter,
    main,
    save_segmenter,
    segment,
    train_segmenter,
)
from webui.training.world import CLASS_INDEX, CLASSES

TINY = SegmenterSettings(channels=(4, 8), loop=TINY_LOOP)
IN_THE_BOX = Path(__file__).resolve().parents[2] / "models" / "starter" / "segmenter.safetensors"


def test_every_pixel_gets_an_answer_of_its_own() -> None:
    segmenter = Segmenter(TINY).eval()
    with torch.no_grad():
        assert segmenter(torch.zeros(2, 3, 32, 64)).shape == (2, len(CLASSES), 32, 64)


def test_rare_classes_count_more() -> None:
    weights = class_weights(unseen(20, 64).class_maps)
    assert weights.mean().item() == pytest.approx(1.0)
    assert weights[CLASS_INDEX["star"]] > weights[CLASS_INDEX["sky"]]


def test_a_short_training_learns_ground_from_sky_and_survives_saving(tmp_path: Path) -> None:
    pool = scene_pool(tmp_path / "scenes", 8, 128)
    settings = replace(TINY, loop=replace(TINY_LOOP, budget_seconds=0.5))
    segmenter = train_segmenter(settings, pool, tmp_path / "segmenter")
    assert not segmenter.training
    assert (tmp_path / "segmenter" / "samples.png").exists()
    save_segmenter(segmenter, settings, tmp_path / "kept.safetensors")
    again = load_segmenter(tmp_path / "kept.safetensors")
    pictures = np.asarray(pool.pictures)
    assert (segment(again, pictures) == segment(segmenter, pictures)).mean() > 0.99


def test_a_map_shows_each_class_in_its_colour() -> None:
    ids = np.arange(len(CLASSES), dtype=np.uint8).reshape(4, 4)
    assert colour_map(ids)[0, 2].tolist() == list(CLASSES[2].rgb)


def test_the_command_trains_and_writes_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.training.command.POOL_SCENES", {"cpu": 8})
    out = tmp_path / "segmenter.safetensors"
    flags = ["--recipe", "cpu", "--minutes", "0.002", "--work", str(tmp_path / "run")]
    assert main([*flags, "--out", str(out)]) == 0
    load_segmenter(out)


def test_pictures_without_truth_teach_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="rendered scenes only"):
        main(["--data", str(tmp_path), "--work", str(tmp_path / "run")])


@pytest.mark.slow
def test_the_segmenter_in_the_box_reads_unseen_true_pictures() -> None:
    asked = unseen(100, 128, 5000)
    read = segment(load_segmenter(IN_THE_BOX), asked.pictures)
    assert mean_iou(read, asked.class_maps, len(CLASSES)) >= 0.85
