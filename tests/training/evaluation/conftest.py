"""A folder of tiny random starter models, and a workbench on it, for all tests of this package."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

from tests.engine.tiny import TinySizes, write_tiny, write_tiny_control, write_tiny_upscaler
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.training.evaluation.workbench import HowDrawn, Readers, Workbench
from webui.training.judge import Judge, JudgeSettings
from webui.training.low_rank import add_lora, save_lora
from webui.training.segmenter import Segmenter, SegmenterSettings
from webui.training.world import CLASSES

CARD = "# Tiny\n\nDraws.\n\n<!-- measured -->\nNot yet.\n<!-- end of measured -->\n"


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A workbench of three prompts and two steps."""
    root = tmp_path_factory.mktemp("evaluation")
    _write_models(root / "models" / "starter")
    torch.manual_seed(0)
    readers = Readers(
        Judge(JudgeSettings(channels=(4, 8, 8, 8))).eval(),
        Segmenter(SegmenterSettings(channels=(4, 8))).eval(),
    )
    scratch = root / "scratch"
    scratch.mkdir()
    return Workbench(readers, root / "models", root / "images", scratch, 3, HowDrawn(2, 3.0))


def _write_models(starter: Path) -> None:
    text = write_tiny(starter / "text")
    _copy_as_turbo(starter)
    for task in ("inpaint", "semantic", "layout", "depth"):
        _write(starter / task, task)
    _write_upscaler(starter / "upscale")
    for reads in ("edges", "classes"):
        _write_control(starter, text, reads)
    _write_lora(starter, "lighthouse")
    (starter / "text" / "README.md").write_text(CARD)


def _write(folder: Path, task: Task) -> None:
    classes = tuple(entry.name for entry in CLASSES) if task in ("semantic", "layout") else ()
    write_tiny(folder, TinySizes(task=task, classes=classes))
    (folder / "easel.json").write_text(json.dumps({"task": task, "classes": classes}))


def _copy_as_turbo(starter: Path) -> None:
    shutil.copytree(starter / "text", starter / "turbo")
    defaults = {"sampler": "LCM", "steps": 2, "guidance_scale": 1.0}
    (starter / "turbo" / "easel.json").write_text(json.dumps({"defaults": defaults}))


def _write_upscaler(folder: Path) -> None:
    write_tiny_upscaler(folder)
    parts = {"unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]}
    index = {"_class_name": "LDMSuperResolutionPipeline", **parts}
    (folder / "model_index.json").write_text(json.dumps(index))


def _write_control(starter: Path, text: CheckpointInfo, reads: str) -> None:
    folder = starter / f"controlnet-{reads}"
    write_tiny_control(folder, text, reads=reads)
    (folder / "easel.json").write_text(json.dumps({"reads": reads}))


def _write_lora(starter: Path, name: str) -> None:
    unet = UNet2DConditionModel.from_pretrained(
        starter / "text" / "unet", torch_dtype=torch.float32
    )
    layers = add_lora(unet, ("to_q", "to_v", "conv1"), rank=2, alpha=2.0)
    with torch.no_grad():
        for layer in layers.values():
            layer.up.weight.normal_(std=0.1)  # it begins as zero
    save_lora(starter / "loras" / f"{name}.safetensors", {"unet": layers}, {"alpha": "2"})
