from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel, NotAModel
from webui.engine.families.registry import FAMILIES, load_model
from webui.engine.families.sd1 import compute_dtype, load, noise_levels
from webui.engine.model import LoadedModel

CPU = torch.device("cpu")


@pytest.fixture
def copy(checkpoint: CheckpointInfo, tmp_path: Path) -> CheckpointInfo:
    """A model that may be damaged."""
    shutil.copytree(checkpoint.path, tmp_path / "copy")
    return replace(checkpoint, path=str(tmp_path / "copy"))


def test_a_half_precision_file_runs_in_float32_on_a_cpu(model: LoadedModel) -> None:
    networks = (model.unet, model.vae, model.text_encoder)
    assert {p.dtype for n in networks for p in n.parameters()} == {torch.float32}
    assert model.bytes == 4 * model.checkpoint.parameters


def test_a_gpu_gets_half_precision_of_the_stored_kind() -> None:
    cuda = torch.device("cuda:0")
    assert compute_dtype(cuda, "F16") == torch.float16
    assert compute_dtype(cuda, "BF16") == torch.bfloat16


def test_networks_are_channels_last(model: LoadedModel) -> None:
    weight = next(p for p in model.unet.parameters() if p.dim() == 4 and p.shape[-1] == 3)
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_sizes_and_prediction_come_from_the_files(model: LoadedModel) -> None:
    assert model.frame.length == 77
    assert model.levels.prediction == "v_prediction"
    assert model.latent_scale == pytest.approx(0.7)
    assert model.preview.shape == (5, 3)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_truncated_file_is_a_broken_model(copy: CheckpointInfo, part: str) -> None:
    file = next((Path(copy.path) / part).glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(BrokenModel, match="tiny/"):
        load(copy, CPU)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_a_broken_model(copy: CheckpointInfo, part: str) -> None:
    shutil.rmtree(Path(copy.path) / part)
    with pytest.raises(BrokenModel, match="tiny/"):
        load(copy, CPU)


def test_an_unknown_prediction_is_a_broken_model(copy: CheckpointInfo) -> None:
    file = Path(copy.path) / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({"prediction_type": "flow"}))
    with pytest.raises(BrokenModel, match="'flow'"):
        load(copy, CPU)


def test_zero_terminal_snr_keeps_the_last_level_finite() -> None:
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    levels = noise_levels({**config, "rescale_betas_zero_snr": True})
    assert 4000 < levels.sigma_max < 4200
    assert levels.sigma_min == pytest.approx(noise_levels(config).sigma_min)


def test_an_unknown_family_is_named(checkpoint: CheckpointInfo) -> None:
    with pytest.raises(NotAModel, match=r"'flux'.*sd1"):
        load_model(replace(checkpoint, family="flux"), CPU)


def test_every_family_in_the_table_loads(checkpoint: CheckpointInfo) -> None:
    for family in FAMILIES:
        assert load_model(replace(checkpoint, family=family.id), CPU).device == CPU
