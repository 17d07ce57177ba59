"""Networks stand in memory as their kernels like it, whatever the family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tests.engine.library import Library
from tests.engine.original import tiny_sd1, write_original
from tests.engine.rig import Rig, order
from tests.engine.tiny import write_tiny
from webui.contracts.checkpoint import Task
from webui.contracts.errors import BrokenModel
from webui.engine.families.registry import load_model
from webui.engine.packed.late import LateWeight, opened
from webui.engine.packed.on_processor import PointwiseConv2d, ReorderedConv2d


@pytest.mark.parametrize("task", ["text", "layout", "upscale"])
def test_convolutions_lie_as_they_are_read_and_attention_is_fused(
    library: Library, task: Task
) -> None:
    model = library.model(task)
    parts: list[Any] = [model.unet, model.vae, model.text_encoder, model.layout_encoder]
    modules = [opened(m) for part in parts if part is not None for m in part.modules()]
    convolutions = {(type(m), m.kernel_size == (1, 1)) for m in modules if isinstance(m, nn.Conv2d)}
    assert convolutions == {(ReorderedConv2d, False), (PointwiseConv2d, True)}
    attentions = [m for m in modules if hasattr(m, "processor")]
    assert attentions
    assert {type(m.processor).__name__ for m in attentions} == {"AttnProcessor2_0"}
    if model.text_encoder is not None:
        config: Any = model.text_encoder.config
        assert config._attn_implementation == "sdpa"


def test_a_folder_is_mapped_as_a_file_is(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "model")
    for part in ("unet", "vae"):
        file = tmp_path / "model" / part / "diffusion_pytorch_model.safetensors"
        halves = {name: weight.half() for name, weight in load_file(file).items()}
        save_file(halves, file, {"format": "pt"})
    model = load_model(checkpoint, torch.device("cpu"))
    networks: list[Any] = [model.unet, model.vae]
    for network in networks:
        late = [m for m in network.modules() if isinstance(m, LateWeight)]
        assert late
        assert len({m.held.untyped_storage().data_ptr() for m in late}) == 1


def test_a_folder_of_older_names_is_read_by_the_library(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "model")
    wanted: Any = load_model(checkpoint, torch.device("cpu")).vae
    file = tmp_path / "model" / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    older = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}
    renamed = dict(weights)
    for name in weights:
        for ours, theirs in older.items():
            if f"attentions.0.{ours}" in name:
                renamed[name.replace(ours, theirs)] = renamed.pop(name)
    assert renamed.keys() != weights.keys()
    save_file(renamed, file, {"format": "pt"})
    vae: Any = load_model(checkpoint, torch.device("cpu")).vae
    z = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(vae.decode(z)[0], wanted.decode(z)[0])


def test_a_folder_that_cannot_be_read_leaves_the_precision_of_all_others_alone(
    tmp_path: Path,
) -> None:
    checkpoint = write_tiny(tmp_path / "model")
    file = tmp_path / "model" / "unet" / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(config | {"block_out_channels": [16, 64]}), "utf-8")
    halves = {name: weight.half() for name, weight in load_file(_unet_file(tmp_path)).items()}
    save_file(halves, _unet_file(tmp_path), {"format": "pt"})
    for lean in (False, True):
        with pytest.raises(BrokenModel):
            load_model(checkpoint, torch.device("cpu"), lean=lean)
        assert torch.get_default_dtype() is torch.float32


def _unet_file(folder: Path) -> Path:
    return folder / "model" / "unet" / "diffusion_pytorch_model.safetensors"


def test_a_file_in_half_precision_is_mapped_until_its_layers_are_reached(tmp_path: Path) -> None:
    checkpoint = write_original(tmp_path / "a.safetensors", tiny_sd1(), torch.float16)
    model = load_model(checkpoint, torch.device("cpu"))
    networks: list[Any] = [model.unet, model.vae, model.text_encoder]
    late = [m for network in networks for m in network.modules() if isinstance(m, LateWeight)]
    assert len({m.held.untyped_storage().data_ptr() for m in late}) == 1
    plain = write_original(tmp_path / "b.safetensors", tiny_sd1(), torch.float32)
    assert model.bytes == load_model(plain, torch.device("cpu")).bytes
    rig = Rig(model)
    rig.finish(order(checkpoint, width=64, height=64))
    assert rig.ends() == {"job": "done"}
    assert not any(isinstance(m, LateWeight) for m in model.unet.modules())
    assert any(isinstance(m, LateWeight) for m in networks[1].encoder.modules())
