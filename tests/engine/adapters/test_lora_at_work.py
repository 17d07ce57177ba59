"""What stands in the networks while a job with a LoRA runs, against weights merged by hand in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.engine.adapters.test_lora import (
    CONV,
    PROJ,
    TEXT_Q,
    TO_OUT,
    TO_Q,
    kohya,
    matrices,
    network,
    restore,
    weights,
    written,
)
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.lora_keys import TEXT, UNET
from webui.engine.adapters.merging import MergedWeights
from webui.engine.model import LoadedModel

RANK = 2
ALPHA = 6.0
SCALE = 0.7
MOST = 1e-5
SHORTCUT = "up_blocks.0.resnets.0.conv_shortcut"  # a 1x1 convolution outside attention
FEED = "mid_block.attentions.0.transformer_blocks.0.ff.net.2"
LAYER = TEXT_Q.removesuffix("self_attn.q_proj")
CHANGED = {
    UNET: [TO_Q, TO_OUT, FEED, PROJ, SHORTCUT, CONV],
    TEXT: [
        *(f"{LAYER}self_attn.{name}_proj" for name in ("q", "k", "v", "out")),
        f"{LAYER}mlp.fc1", f"{LAYER}mlp.fc2",
    ],
}  # fmt: skip


@pytest.fixture
def model(library: Library) -> LoadedModel:
    return replace(library.model("text"), merged=MergedWeights())


def by_hand(weight: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """W + alpha / rank * scale * up @ down, float64; of a kernel each place by itself."""
    factor = ALPHA / RANK * SCALE
    if weight.dim() == 2:
        return weight.double() + factor * (up.double() @ down.double())
    change = torch.einsum("or,rixy->oixy", up.double()[:, :, 0, 0], down.double())
    return weight.double() + factor * change


def seen_at_work(model: LoadedModel, run: Callable[[], object]) -> dict[tuple[str, str], Tensor]:
    """The weights that the changed layers compute with while something runs."""
    seen: dict[tuple[str, str], Tensor] = {}
    hooks = []
    for part, names in CHANGED.items():
        for name in names:

            def note(module: nn.Module, _: Any, at: tuple[str, str] = (part, name)) -> None:
                weight = module.weight  # of some layers no parameter
                assert isinstance(weight, Tensor)
                assert weight.dtype == torch.float32
                seen[at] = weight.detach().clone()

            layer = network(model, part).get_submodule(name)
            hooks.append(layer.register_forward_pre_hook(note))
    run()
    for hook in hooks:
        hook.remove()
    return seen


def test_a_job_computes_with_weights_merged_as_by_hand(model: LoadedModel, tmp_path: Path) -> None:
    pairs = {part: matrices(model, names, part) for part, names in CHANGED.items()}
    info = written(tmp_path / "a.safetensors", kohya(pairs[UNET], pairs[TEXT], ALPHA))
    before = {part: weights(model, part) for part in CHANGED}
    used: dict[str, Any] = {
        "adapters": (info,), "loras": [{"adapter": info.id, "weight": SCALE}], "seed": 7,
    }  # fmt: skip
    rig = Rig(model)
    seen = seen_at_work(model, lambda: rig.finish(order(model.checkpoint, "with", **used)))
    assert set(seen) == {(part, name) for part, names in CHANGED.items() for name in names}
    for (part, name), now in seen.items():
        base = before[part][f"{name}.weight"]
        expected = by_hand(base, *pairs[part][name])
        assert (now.double() - expected).abs().max() <= MOST, name
        assert (now - base).abs().max() > 100 * MOST, name
    restore(model)
    for part, whole in before.items():
        assert all(torch.equal(now, whole[key]) for key, now in weights(model, part).items())


def test_the_job_after_it_computes_with_the_files_weights(
    model: LoadedModel, tmp_path: Path
) -> None:
    pairs = {part: matrices(model, names, part) for part, names in CHANGED.items()}
    info = written(tmp_path / "a.safetensors", kohya(pairs[UNET], pairs[TEXT], ALPHA))
    before = {part: weights(model, part) for part in CHANGED}
    rig = Rig(model)
    used: dict[str, Any] = {"adapters": (info,), "loras": [{"adapter": info.id, "weight": SCALE}]}
    rig.finish(order(model.checkpoint, "with", prompt="a house", **used))
    plain = order(model.checkpoint, "without", prompt="a tree")
    seen = seen_at_work(model, lambda: rig.finish(plain))
    for (part, name), now in seen.items():
        assert torch.equal(now, before[part][f"{name}.weight"]), name
    assert len(seen) == sum(len(names) for names in CHANGED.values())
    restore(model)
