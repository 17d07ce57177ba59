"""LoRAs of every dialect from their files into the weights of a network, and out again to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.engine.adapters.dialects.hand import random
from tests.engine.library import Library
from tests.engine.packed.reference import packed_q8_0
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.contracts.lora_blocks import PRESETS
from webui.contracts.lora_keys import UNET
from webui.engine.adapters.lora import LoadedLora, load_lora
from webui.engine.adapters.merging import MergedWeights
from webui.engine.model import LoadedModel
from webui.engine.packed.layers import PackedLinear
from webui.engine.packed.weight import PackedWeight
from webui.engine.work import EncodeText, Predict

CPU = torch.device("cpu")
OUT = "up_blocks.0.resnets.1.conv1"
MIDDLE = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
OUTSIDE = "time_embedding.linear_1"
Pieces = dict[str, Tensor]


@pytest.fixture
def model(library: Library) -> LoadedModel:
    return replace(library.model("text"), merged=MergedWeights())


def loaded(path: Path, tensors: Pieces) -> LoadedLora:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return load_lora(AdapterInfo(AdapterId("loras/a"), "lora", "a", str(path), 1), CPU)


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: w.detach().clone() for name, w in network.state_dict().items()}


def plain(w: Tensor) -> tuple[Pieces, Tensor]:
    down, up = random(2, *w.shape[1:]), random(w.shape[0], 2, *[1] * (w.dim() - 2))
    pieces = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(1.0)}
    return pieces, (up.flatten(1) @ down.flatten(1)).reshape(w.shape) / 2


def loha(w: Tensor) -> tuple[Pieces, Tensor]:
    a, b = random(w.shape[0], 2), random(2, w[0].numel())
    pieces = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": a.clone(), "hada_w2_b": -b}
    return pieces, (-((a @ b) ** 2)).reshape(w.shape)


def lokr(w: Tensor) -> tuple[Pieces, Tensor]:
    one, two = random(2, 2), random(w.shape[0] // 2, w.shape[1] // 2, *w.shape[2:])
    return {"lokr_w1": one, "lokr_w2": two}, torch.kron(one.view(2, 2, *[1] * (w.dim() - 2)), two)


def dora(w: Tensor) -> tuple[Pieces, Tensor]:
    pieces, change = plain(w)
    turned = (w + change).flatten(1)
    made = turned / turned.norm(dim=1, keepdim=True) * 3
    scale = torch.full((w.shape[0], *[1] * (w.dim() - 1)), 3.0)
    return {**pieces, "dora_scale": scale}, made.reshape(w.shape) - w


def full(w: Tensor) -> tuple[Pieces, Tensor]:
    return {"diff": random(*w.shape)}, random(*w.shape)


@pytest.mark.parametrize("name", [OUT, MIDDLE, OUTSIDE])
@pytest.mark.parametrize("dialect", [plain, loha, lokr, dora, full])
def test_a_file_of_any_dialect_is_merged_and_taken_out_to_the_bit(
    model: LoadedModel,
    tmp_path: Path,
    dialect: Callable[[Tensor], tuple[Pieces, Tensor]],
    name: str,
) -> None:
    before = state(model.unet)
    pieces, change = dialect(before[f"{name}.weight"])
    kohya = f"lora_unet_{name.replace('.', '_')}"
    lora = loaded(
        tmp_path / "a.safetensors", {f"{kohya}.{piece}": t for piece, t in pieces.items()}
    )
    model.merged.use(UNET, model.unet, ((lora, 0.25),))
    after = state(model.unet)
    model.merged.use(UNET, model.unet, ())
    expected = before[f"{name}.weight"] + 0.25 * change
    assert (after.pop(f"{name}.weight") - expected).abs().max() < 1e-5
    assert all(torch.equal(after[other], before[other]) for other in after)
    assert all(torch.equal(now, before[key]) for key, now in state(model.unet).items())


def test_biases_and_norms_are_changed_too(model: LoadedModel, tmp_path: Path) -> None:
    before = state(model.unet)
    bias, norm = "conv_in.bias", "up_blocks.0.resnets.1.norm1.weight"
    tensors = {
        "lora_unet_conv_in.diff_b": random(*before[bias].shape),
        "lora_unet_up_blocks_0_resnets_1_norm1.w_norm": random(*before[norm].shape),
    }
    lora = loaded(tmp_path / "a.safetensors", tensors)
    model.merged.use(UNET, model.unet, ((lora, 2.0),))
    after = state(model.unet)
    model.merged.use(UNET, model.unet, ())
    for name, change in zip((bias, norm), tensors.values(), strict=True):
        assert (after[name] - before[name] - 2 * change).abs().max() < 1e-5


def test_a_row_of_blocks_weighs_each_layer_by_its_own(model: LoadedModel, tmp_path: Path) -> None:
    before = state(model.unet)
    tensors = {
        f"unet.{name}.diff": torch.ones_like(before[f"{name}.weight"])
        for name in (OUT, MIDDLE, OUTSIDE)
    }
    lora = loaded(tmp_path / "a.safetensors", tensors)
    row = [0.5] * 26
    row[13] = 0.0  # M00
    model.merged.use(UNET, model.unet, ((lora.by_blocks(tuple(row)), 1.0),))
    after = state(model.unet)
    model.merged.use(UNET, model.unet, ())
    added = [
        float((after[f"{n}.weight"] - before[f"{n}.weight"]).mean()) for n in (OUT, MIDDLE, OUTSIDE)
    ]
    assert added == pytest.approx([0.5, 0.0, 1.0], abs=1e-5)
    assert lora.by_blocks(PRESETS["ALL"]).key != lora.key


def test_a_change_of_weight_begins_from_the_files_weights(
    model: LoadedModel, tmp_path: Path
) -> None:
    before = state(model.unet)[f"{MIDDLE}.weight"]
    pieces, change = dora(before)
    lora = loaded(tmp_path / "a.safetensors", {f"unet.{MIDDLE}.{k}": t for k, t in pieces.items()})
    for weight in (1.0, -0.5, 0.5):
        model.merged.use(UNET, model.unet, ((lora, weight),))
        now = state(model.unet)[f"{MIDDLE}.weight"]
        assert (now - before - weight * change).abs().max() < 1e-5
    model.merged.use(UNET, model.unet, ())


def test_a_lora_that_is_at_work_for_some_steps_changes_those_alone(
    model: LoadedModel, tmp_path: Path
) -> None:
    text = "text_encoder.encoder.layers.0.mlp.fc1"
    width = state(model.text_encoder)["encoder.layers.0.mlp.fc1.weight"].shape  # type: ignore[arg-type]
    tensors = {
        f"unet.{OUT}.diff": random(*state(model.unet)[f"{OUT}.weight"].shape),
        f"{text}.diff": random(*width),
    }
    lora = loaded(tmp_path / "a.safetensors", tensors)
    rig = Rig(model)
    use = {"adapter": "loras/a", "during": [[0.5, 1.0]]}
    rig.finish(
        order(model.checkpoint, adapters=(lora.info,), loras=[use], steps=4, guidance_scale=1,
              sampler="Euler")
    )  # fmt: skip
    assert [len(work.patches) for work in rig.works(Predict)] == [0, 0, 1, 1]
    assert sorted(len(work.patches) for work in rig.works(EncodeText)) == [0, 1]
    tokens = [work.tokens for work in rig.works(Predict)]
    assert torch.equal(tokens[0], tokens[1])  # type: ignore[arg-type]
    assert not torch.equal(tokens[1], tokens[2])  # type: ignore[arg-type]


def test_a_packed_layer_is_changed_and_is_the_files_again_to_the_bit(tmp_path: Path) -> None:
    weight = random(8, 32)
    raw = torch.frombuffer(bytearray(packed_q8_0(weight)), dtype=torch.uint8).view(8, 34)
    layer = PackedLinear(PackedWeight("Q8_0", raw, (8, 32)), has_bias=False)
    network, before = nn.Sequential(layer), layer.weight
    down, up = random(2, 32), random(8, 2)
    pieces = {"lora_unet_0.lora_down.weight": down, "lora_unet_0.lora_up.weight": up}
    merged, lora = MergedWeights(), loaded(tmp_path / "a.safetensors", pieces)
    for strength in (0.5, 2.0):  # each change is one of the file's weight
        merged.use(UNET, network, ((lora, strength),))
        assert (layer.weight - (before + strength * up @ down)).abs().max() < 1e-5
    merged.use(UNET, network, ())
    assert torch.equal(layer.weight, before)
