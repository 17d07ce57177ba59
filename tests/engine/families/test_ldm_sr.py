from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engine.library import Library
from tests.engine.tiny import write_tiny_upscaler
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BrokenModel
from webui.engine.families.registry import load_model
from webui.engine.first_stage import decode_latents, encode_pixels

CPU = torch.device("cpu")


@pytest.fixture
def copy(library: Library, tmp_path: Path) -> CheckpointInfo:
    """A model that may be damaged."""
    checkpoint = library.model("upscale").checkpoint
    shutil.copytree(checkpoint.path, tmp_path / "copy")
    return replace(checkpoint, path=str(tmp_path / "copy"))


def set_scale(checkpoint: CheckpointInfo, scale: float | None) -> None:
    file = Path(checkpoint.path) / "vqvae" / "config.json"
    config = json.loads(file.read_text())
    config.pop("scaling_factor")
    file.write_text(json.dumps(config if scale is None else config | {"scaling_factor": scale}))


def test_it_reads_no_text_and_takes_a_label(library: Library) -> None:
    model = library.model("upscale")
    assert (model.text_encoder, model.tokenize, model.frame) == (None, None, None)
    assert model.takes_label
    assert model.bytes == 4 * model.checkpoint.parameters


def test_a_network_without_a_label_is_known_as_such(tmp_path: Path) -> None:
    assert not load_model(write_tiny_upscaler(tmp_path / "plain", labelled=False), CPU).takes_label


@pytest.mark.parametrize(("written", "meant"), [(0.7, 0.7), (None, 1.0), (0.18215, 1.0)])
def test_a_scale_that_nobody_chose_is_one(
    copy: CheckpointInfo, written: float | None, meant: float
) -> None:
    set_scale(copy, written)
    assert load_model(copy, CPU).latent_scale == meant


def test_the_first_stage_quantises_when_it_decodes(library: Library) -> None:
    vqvae = library.model("upscale").vae
    with torch.inference_mode():
        latents = encode_pixels(vqvae, torch.zeros(1, 3, 16, 16))
        assert latents.shape == (1, 3, 4, 4)
        nudged = decode_latents(vqvae, latents + 1e-4)
        assert torch.equal(nudged, decode_latents(vqvae, latents))
        assert not torch.equal(decode_latents(vqvae, latents + 2), nudged)


@pytest.mark.parametrize("part", ["unet", "vqvae", "scheduler"])
def test_a_missing_part_is_a_broken_model(copy: CheckpointInfo, part: str) -> None:
    shutil.rmtree(Path(copy.path) / part)
    with pytest.raises(BrokenModel, match="tiny/"):
        load_model(copy, CPU)


def test_a_unet_of_other_channels_is_a_broken_model(copy: CheckpointInfo, tmp_path: Path) -> None:
    config = Path(copy.path) / "unet" / "config.json"
    config.write_text(config.read_text().replace('"in_channels": 6', '"in_channels": 7'))
    with pytest.raises(BrokenModel):
        load_model(copy, CPU)


def test_half_precision_takes_the_label_too(library: Library, copy: CheckpointInfo) -> None:
    unet = load_model(copy, CPU).unet.half()
    inputs = torch.zeros(1, 6, 8, 8, dtype=torch.float16)
    label = torch.tensor([250.0])
    with torch.inference_mode():
        output = unet(inputs, torch.tensor([3.0]), class_labels=label, return_dict=False)[0]
    assert output.dtype == torch.float16
