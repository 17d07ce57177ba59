"""A model whose weights stay in half precision draws what it draws whole, in half of the memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.engine.adapters.test_lora import written
from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.original import tiny_sd1, tiny_sd2, write_original
from tests.engine.rig import Rig, order
from tests.engine.tiny import TinySizes, write_tiny
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.lora import load_lora
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.packed.layers import PackedConv2d, PackedLinear
from webui.engine.shared_networks import network_bytes
from webui.engine.work import DecodeLatent

CPU = torch.device("cpu")


def _halved(checkpoint: CheckpointInfo) -> CheckpointInfo:
    """The folder with its weights in half precision, as most are published."""
    for file in Path(checkpoint.path).rglob("*.safetensors"):
        save_file(
            {name: weight.half() for name, weight in load_file(file).items()},
            file,
            {"format": "pt"},
        )
    return checkpoint


MADE: dict[str, Callable[[Path], CheckpointInfo]] = {
    "SD 1, a file": lambda folder: write_original(
        folder / "a.safetensors", tiny_sd1(), torch.float16
    ),
    "SD 2, a file in bfloat16": lambda folder: write_original(
        folder / "b.safetensors", tiny_sd2(), torch.bfloat16
    ),
    "SD 1, a folder": lambda folder: _halved(write_tiny(folder / "c", TinySizes())),
    "SDXL, a folder": lambda folder: _halved(write_tiny_xl(folder / "d")),
}


def _latent(model: LoadedModel) -> Tensor:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, width=64, height=64, negative_prompt="rain"))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    return rig.works(DecodeLatent)[-1].latent


@pytest.mark.parametrize("name", MADE)
def test_it_draws_the_same_but_for_rounding_and_takes_less(name: str, tmp_path: Path) -> None:
    checkpoint = MADE[name](tmp_path)
    whole, lean = load_model(checkpoint, CPU), load_model(checkpoint, CPU, lean=True)
    kinds = {type(module) for module in lean.unet.modules()}
    assert {PackedLinear, PackedConv2d} <= kinds
    assert not kinds & {nn.Linear, nn.Conv2d}
    assert network_bytes(lean.unet) < 0.55 * network_bytes(
        whole.unet
    )  # norms and biases are in float32
    wanted = _latent(whole)
    assert (_latent(lean) - wanted).abs().max() < 1e-3 * max(1.0, float(wanted.std()))


def test_a_file_in_single_precision_stays_as_it_is(tmp_path: Path) -> None:
    checkpoint = write_original(tmp_path / "a.safetensors", tiny_sd1())
    whole, lean = load_model(checkpoint, CPU), load_model(checkpoint, CPU, lean=True)
    assert lean.bytes == whole.bytes


def test_a_file_is_mapped_and_not_copied(tmp_path: Path) -> None:
    checkpoint = write_original(tmp_path / "a.safetensors", tiny_sd1(), torch.float16)
    lean = load_model(checkpoint, CPU, lean=True)
    layers = [m for m in lean.unet.modules() if isinstance(m, (PackedLinear, PackedConv2d))]
    mapped = {layer.rows.untyped_storage().data_ptr() for layer in layers}
    assert len(mapped) == 1
    assert layers[0].rows.untyped_storage().nbytes() == Path(checkpoint.path).stat().st_size


def test_loras_come_and_go_to_the_bit(tmp_path: Path) -> None:
    checkpoint = write_original(tmp_path / "a.safetensors", tiny_sd1(), torch.float16)
    lean = load_model(checkpoint, CPU, lean=True)
    before = _latent(lean)
    name = next(n for n, m in lean.unet.named_modules() if isinstance(m, PackedConv2d))
    layer: Any = lean.unet.get_submodule(name)
    weight = layer.weight
    tensors = {f"unet.{name}.diff": torch.ones(weight.shape) / 50}
    lora = load_lora(written(tmp_path / "lora.safetensors", tensors), CPU)
    lean.merged.use(UNET, lean.unet, ((lora, 1.0),))
    assert torch.equal(layer.weight, weight + 1 / 50)
    assert torch.equal(_latent(lean), before)  # an order without it
