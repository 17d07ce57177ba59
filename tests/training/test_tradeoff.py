"""The compression trade-off."""

from dataclasses import replace
from pathlib import Path

import pytest
from diffusers import AutoencoderKL

from tests.training.test_first_stage import TINY
from webui.training.command import parse
from webui.training.evaluation.first_stages import load_runs, record
from webui.training.first_stage import build_first_stage
from webui.training.judge import Judge, JudgeSettings
from webui.training.runs import save_checkpoint
from webui.training.tradeoff import (
    LEVELS,
    SAMPLES,
    Shipped,
    cheap_settings,
    measure_shipped,
    measured,
)


@pytest.mark.parametrize("factor", LEVELS)
def test_the_cheap_ones_differ_in_their_factor(factor: int) -> None:
    vae = build_first_stage(cheap_settings(factor, TINY, 60))
    assert 2 ** (len(vae.config.block_out_channels) - 1) == factor
    assert vae.config.latent_channels == LEVELS[factor][1]


def test_a_measured_first_stage_says_what_it_took_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.training.tradeoff.SAMPLES", 8)
    monkeypatch.setattr("webui.training.tradeoff.SIZE", 32)
    save_checkpoint(tmp_path / "checkpoint.pt", TINY, seconds=12.5, step=7)
    vae, judge = build_first_stage(TINY).eval(), Judge(JudgeSettings()).eval()
    run = measured("tiny", vae, tmp_path, judge, tmp_path / "scenes")
    record(run, tmp_path / "first-stages.json")
    (kept,) = load_runs(tmp_path / "first-stages.json")
    assert (kept.name, kept.f, kept.regulariser) == ("tiny", 8, "KL")
    assert (kept.seconds, kept.steps, kept.samples) == (12.5, 7, 8)
    assert 0 < kept.psnr_db < 40
    assert kept.feature_distance > 0
    assert SAMPLES >= 200


def test_the_shipped_one_is_measured_anew_and_what_it_took_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.training.tradeoff.SAMPLES", 4)
    monkeypatch.setattr("webui.training.tradeoff.SIZE", 32)
    out = tmp_path / "first-stages.json"
    command = parse("first-stages", "", ["--work", str(tmp_path / "runs" / "f"), "--out", str(out)])
    vae, judge = build_first_stage(TINY).eval(), Judge(JudgeSettings()).eval()
    run = measured("starter", vae, tmp_path, judge, tmp_path / "scenes")
    record(replace(run, seconds=9.0, steps=5, psnr_db=99.0, hardware="a GPU"), out)
    vae.save_pretrained(tmp_path / "vae")
    starter = Shipped("starter", tmp_path / "vae", AutoencoderKL, "f")
    measure_shipped(starter, command, judge)
    (kept,) = load_runs(out)
    assert (kept.seconds, kept.steps, kept.hardware) == (9.0, 5, "a GPU")
    assert kept.psnr_db == pytest.approx(run.psnr_db)
    measure_shipped(replace(starter, folder=tmp_path / "none"), command, judge)
    assert load_runs(out) == [kept]
