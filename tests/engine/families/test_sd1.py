from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engine.library import Library
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.errors import BrokenModel
from webui.engine.families.parts import noise_levels
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.prompt.tokens import TokenFrame

CPU = torch.device("cpu")


@pytest.fixture
def copy(checkpoint: CheckpointInfo, tmp_path: Path) -> CheckpointInfo:
    """A model that may be damaged."""
    shutil.copytree(checkpoint.path, tmp_path / "copy")
    return replace(checkpoint, path=str(tmp_path / "copy"))


def test_a_half_precision_file_runs_in_float32_on_a_cpu(model: LoadedModel) -> None:
    assert model.text_encoder is not None
    networks = (model.unet, model.vae, model.text_encoder)
    assert {p.dtype for n in networks for p in n.parameters()} == {torch.float32}
    assert model.bytes == 4 * model.checkpoint.parameters


def test_sizes_and_prediction_come_from_the_files(model: LoadedModel) -> None:
    assert model.tokenize is not None
    assert model.frame == TokenFrame(512, 513, 513, 77, model.tokenize(",")[0])
    assert model.levels.prediction == "v_prediction"
    assert model.latent_scale == pytest.approx(0.7)
    assert model.preview.shape == (5, 3)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_truncated_file_is_a_broken_model(copy: CheckpointInfo, part: str) -> None:
    file = next((Path(copy.path) / part).glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(BrokenModel, match="tiny/"):
        load_model(copy, CPU)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_a_broken_model(copy: CheckpointInfo, part: str) -> None:
    shutil.rmtree(Path(copy.path) / part)
    with pytest.raises(BrokenModel, match="tiny/"):
        load_model(copy, CPU)


def test_an_unknown_prediction_is_a_broken_model(copy: CheckpointInfo) -> None:
    file = Path(copy.path) / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({"prediction_type": "flow"}))
    with pytest.raises(BrokenModel, match="'flow'"):
        load_model(copy, CPU)


def test_zero_terminal_snr_keeps_the_last_level_finite() -> None:
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    levels = noise_levels({**config, "rescale_betas_zero_snr": True})
    assert 4000 < levels.sigma_max < 4200
    assert levels.sigma_min == pytest.approx(noise_levels(config).sigma_min)


def test_parts_may_lie_with_a_neighbour(copy: CheckpointInfo, tmp_path: Path) -> None:
    for part in ("vae", "text_encoder", "tokenizer"):
        shutil.move(Path(copy.path) / part, tmp_path / "neighbour" / part)
    with pytest.raises(BrokenModel):
        load_model(copy, CPU)
    names = ("unet", "scheduler", "vae", "text_encoder", "tokenizer")
    where = [Path(copy.path)] * 2 + [tmp_path / "neighbour"] * 3
    parts = tuple((name, str(folder / name)) for name, folder in zip(names, where, strict=True))
    assert load_model(replace(copy, parts=parts), CPU).bytes == 4 * copy.parameters


@pytest.mark.parametrize("task", ["inpaint", "semantic", "layout", "depth"])
def test_models_of_other_tasks_load(library: Library, task: Task) -> None:
    model = library.model(task)
    latent = model.checkpoint.latent_channels
    extra = {"inpaint": latent + 1, "semantic": 12, "layout": 0, "depth": 1}[task]
    assert model.unet.config.in_channels == latent + extra  # type: ignore[union-attr]
    assert (model.layout_encoder is not None) == (task == "layout")
    assert model.bytes == 4 * model.checkpoint.parameters


@pytest.mark.parametrize("task", ["inpaint", "semantic", "depth"])
def test_a_unet_of_another_task_is_a_broken_model(checkpoint: CheckpointInfo, task: Task) -> None:
    with pytest.raises(BrokenModel, match=f"takes 4 channels; for the task '{task}'"):
        load_model(replace(checkpoint, task=task, classes=("a", "b")), CPU)


def test_a_layout_encoder_of_other_classes_is_a_broken_model(library: Library) -> None:
    checkpoint = library.model("layout").checkpoint
    with pytest.raises(BrokenModel, match="knows 3 classes"):
        load_model(replace(checkpoint, classes=("a",)), CPU)


def test_a_damaged_layout_encoder_is_a_broken_model(library: Library, tmp_path: Path) -> None:
    checkpoint = library.model("layout").checkpoint
    shutil.copytree(checkpoint.path, tmp_path / "copy")
    config = tmp_path / "copy" / "layout_encoder" / "config.json"
    config.write_text(config.read_text().replace('"layers": 2', '"layers": 3'))
    with pytest.raises(BrokenModel, match="does not fit"):
        load_model(replace(checkpoint, path=str(tmp_path / "copy")), CPU)
