"""Hypernetworks as AUTOMATIC1111 writes them stand before keys and values, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.engine.adapters.hypernetwork import LoadedHypernetwork, in_the_way, load_hypernetwork
from webui.engine.work import Predict
from webui.services.hypernetwork_files import describe_hypernetwork
from webui.weights.hypernetwork_files import KEYS, VALUES

CPU = torch.device("cpu")


def small(width: int, seed: int, *, named: bool = False) -> dict[str, Tensor]:
    """Two linear layers with an activation between them, which takes a number of its own."""
    generator = torch.Generator().manual_seed(seed)
    names = ("linear1", "linear2") if named else ("linear.0", "linear.2")
    shapes = ((2 * width, width), (width, 2 * width))
    state = {}
    for name, shape in zip(names, shapes, strict=True):
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) / shape[1] ** 0.5
        state[f"{name}.bias"] = torch.randn(shape[0], generator=generator) / 10
    return state


def written(path: Path, widths: tuple[int, ...], **said: Any) -> AdapterInfo:
    named = said.pop("named", False)
    pairs = {w: (small(w, w, named=named), small(w, w + 1, named=named)) for w in widths}
    content: dict[Any, Any] = {**pairs, "step": 2000, "name": "own", **said}
    torch.save(content, path)
    return AdapterInfo(AdapterId("hypernetworks/own"), "hypernetwork", "own", str(path), 1)


def by_hand(
    states: Tensor, state: dict[str, Tensor], weight: float, *, ends_active: bool
) -> Tensor:
    first, second = (f"linear.{i}" for i in (0, 2))
    inner = functional.linear(states, state[f"{first}.weight"], state[f"{first}.bias"]).relu()
    outer = functional.linear(inner, state[f"{second}.weight"], state[f"{second}.bias"])
    return states + weight * (outer.relu() if ends_active else outer)


@pytest.mark.parametrize("ends_active", [True, False])
def test_what_a_file_holds_is_computed_as_by_hand(tmp_path: Path, ends_active: bool) -> None:
    info = written(
        tmp_path / "a.pt", (16,), layer_structure=[1, 2, 1], activation_func="relu",
        is_layer_norm=False, activate_output=ends_active,
    )  # fmt: skip
    loaded = load_hypernetwork(info, CPU)
    states = torch.randn(2, 5, 16)
    for which in (KEYS, VALUES):
        expected = by_hand(states, small(16, 16 + which), 0.7, ends_active=ends_active)
        assert torch.allclose(loaded(states, which, 0.7), expected, atol=1e-6)
    other = torch.randn(2, 5, 8)
    assert loaded(other, KEYS, 0.7) is other


def test_layers_of_the_first_files_follow_one_another_plainly(tmp_path: Path) -> None:
    loaded = load_hypernetwork(written(tmp_path / "a.pt", (16,), named=True), CPU)
    states, state = torch.randn(3, 16), small(16, 16, named=True)
    inner = functional.linear(states, state["linear1.weight"], state["linear1.bias"])
    expected = states + functional.linear(inner, state["linear2.weight"], state["linear2.bias"])
    assert torch.allclose(loaded(states, KEYS, 1.0), expected, atol=1e-6)


def test_a_norm_stands_behind_the_activation(tmp_path: Path) -> None:
    state = {**small(16, 0), "linear.3.weight": torch.rand(16), "linear.3.bias": torch.rand(16)}
    torch.save(
        {16: (state, state), "activation_func": "tanh", "activate_output": True}, tmp_path / "a.pt"
    )
    info = AdapterInfo(AdapterId("a"), "hypernetwork", "a", str(tmp_path / "a.pt"), 1)
    network = load_hypernetwork(info, CPU).networks[16, KEYS]
    assert [type(m) for m in network.children()] == [
        nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.LayerNorm,
    ]  # fmt: skip


def test_an_unknown_activation_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match="activation is 'wave'"):
        load_hypernetwork(written(tmp_path / "a.pt", (16,), activation_func="wave"), CPU)


def test_a_job_is_drawn_with_it_alone_and_no_other_is(library: Library, tmp_path: Path) -> None:
    model = library.model("text")
    widths = {m.in_features for n, m in model.unet.named_modules() if n.endswith(("to_k", "to_v"))
              and isinstance(m, nn.Linear)}  # fmt: skip
    info = written(tmp_path / "a.pt", tuple(sorted(widths)), activation_func="relu")
    rig = Rig(model)
    use = {"adapter": info.id, "weight": 0.8, "kind": "hypernetwork"}
    rig.finish(order(model.checkpoint, "before"))
    rig.finish(
        order(model.checkpoint, "steered", adapters=(info,), loras=[use]),
        order(model.checkpoint, "beside"),
    )
    before, steered, beside = (rig.pictures(job)[0] for job in ("before", "steered", "beside"))
    assert np.array_equal(before, beside)
    assert not np.array_equal(before, steered)
    work = next(w for w in rig.works(Predict) if w.patches)
    ((patch, weight),) = work.patches
    assert isinstance(patch, LoadedHypernetwork)
    assert weight == 0.8


def test_every_attention_is_reached_for_the_length_of_a_block(
    library: Library, tmp_path: Path
) -> None:
    unet = library.model("text").unet
    layers = {n: m for n, m in unet.named_modules() if n.endswith((".to_k", ".to_v"))}
    width = next(m.in_features for m in layers.values() if isinstance(m, nn.Linear))
    loaded = load_hypernetwork(written(tmp_path / "a.pt", (width,), activation_func="relu"), CPU)
    states = torch.randn(1, 3, width)
    fitting = [n for n, m in layers.items() if getattr(m, "in_features", 0) == width]
    plain = {n: layers[n](states) for n in fitting}
    with in_the_way(unet, ((loaded, 0.5),)):
        for name in fitting:
            which = KEYS if name.endswith("to_k") else VALUES
            inner = by_hand(states, small(width, width + which), 0.5, ends_active=True)
            expected = functional.linear(inner, layers[name].weight)
            assert torch.allclose(layers[name](states), expected, atol=1e-5)
    assert all(torch.equal(layers[n](states), plain[n]) for n in fitting)


@pytest.mark.parametrize(("width", "base"), [(768, "SD 1"), (1024, "SD 2"), (320, "")])
def test_its_header_says_what_it_is_for(tmp_path: Path, width: int, base: str) -> None:
    state = {"linear.0.weight": torch.zeros(1, width), "linear.0.bias": torch.zeros(1)}
    torch.save({width: (state, state)}, tmp_path / "own.pt")
    info = describe_hypernetwork(tmp_path / "own.pt", AdapterId("hypernetworks/own"))
    assert (info.kind, info.title, info.base) == ("hypernetwork", "own", base)
