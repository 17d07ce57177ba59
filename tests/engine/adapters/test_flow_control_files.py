"""Single files of controlnets of FLUX and Stable Diffusion 3, in every layout, become the networks that they were saved from."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.controlnets.controlnet_flux import FluxControlNetModel
from diffusers.models.controlnets.controlnet_sd3 import SD3ControlNetModel
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.flow_layout.published import FLUX, SD3, published
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.engine.adapters.control import load_steerer
from webui.engine.adapters.flow_control import LoadedFlowControl
from webui.services.control_files import describe_control_file

CPU = torch.device("cpu")
State = dict[str, Tensor]
HINT = {
    "conv_in": "0", **{f"blocks.{i - 1}": str(2 * i) for i in range(1, 7)}, "conv_out": "14",
}  # fmt: skip


# Any, here and below: diffusers' networks are typed loosely.
def flux_net(**options: Any) -> Any:
    return FluxControlNetModel(
        in_channels=16, num_layers=2, attention_head_dim=128, num_attention_heads=1,
        joint_attention_dim=24, pooled_projection_dim=12, guidance_embeds=True,
        **{"num_single_layers": 1, **options},
    )  # fmt: skip


def sd3_net(**options: Any) -> Any:
    return SD3ControlNetModel(
        in_channels=4, out_channels=4, num_layers=2, attention_head_dim=64, num_attention_heads=1,
        caption_projection_dim=64, pooled_projection_dim=12, **{"joint_attention_dim": 24, **options},
    )  # fmt: skip


def instantx_sd3() -> Any:
    return sd3_net(pos_embed_max_size=12, qk_norm="rms_norm", dual_attention_layers=(1,))


def stability() -> Any:
    return sd3_net(
        joint_attention_dim=None, use_pos_embed=False, force_zeros_for_pooled_projection=False
    )


def xlabs() -> Any:
    return flux_net(num_single_layers=0, patch_size=2, conditioning_embedding_channels=4)


def in_xlabs(state: State) -> State:
    """Names of XLabs' code; the blocks' are those of FLUX's."""
    named = {}
    for name, tensor in published(state, FLUX).items():
        new = name.replace("controlnet_x_embedder", "pos_embed_input")
        if found := re.match(r"input_hint_block\.(conv_in|conv_out|blocks\.\d)\.", new):
            new = new.replace(found[1], HINT[found[1]])
        named[new] = tensor
    return named


def in_stability(state: State) -> State:
    """Names of Stability AI's code."""
    named = {}
    for name, tensor in published(state, SD3).items():
        new = name.replace("joint_blocks", "transformer_blocks").replace("x_block.", "")
        named[new] = tensor
    return named


def as_it_is(state: State) -> State:
    return state


LAYOUTS: dict[str, tuple[Callable[[], Any], Callable[[State], State]]] = {
    "flux": (flux_net, as_it_is),
    "union": (lambda: flux_net(num_mode=7), as_it_is),
    "xlabs": (xlabs, in_xlabs),
    "sd3": (instantx_sd3, as_it_is),
    "stability": (stability, in_stability),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_becomes_the_network_that_it_was_saved_from(tmp_path: Path, layout: str) -> None:
    make, named = LAYOUTS[layout]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = make()
    state = {name: tensor.contiguous() for name, tensor in named(net.state_dict()).items()}
    save_file(state, tmp_path / "net-canny.safetensors")
    info = describe_control_file(tmp_path / "net-canny.safetensors", AdapterId("net"))
    network = "sd3" if layout in ("sd3", "stability") else "flux"
    assert (info.network, info.reads, bool(info.kinds)) == (network, "edges", layout == "union")
    loaded = load_steerer(info, CPU)
    assert isinstance(loaded, LoadedFlowControl)
    own = loaded.net.state_dict()
    assert own.keys() == net.state_dict().keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in net.state_dict().items())
    for name, value in net.config.items():
        if not name.startswith("_"):
            # Lists, where they are left open.
            own_value = loaded.net.config[name]
            assert (list(own_value) if isinstance(value, list) else own_value) == value, name
    assert loaded.factor == (8 if layout == "xlabs" else 1)


def test_what_reads_a_mask_too_or_is_of_another_layout_is_named(tmp_path: Path) -> None:
    first = {"controlnet_blocks.0.weight": torch.zeros(8, 8)}
    wide = {
        "sd3": {"pos_embed_input.proj.weight": torch.zeros(8, 32, 2, 2)},
        "flux": {"controlnet_x_embedder.weight": torch.zeros(8, 68), "x_embedder.weight": torch.zeros(8, 64)},
        "other": {"double_blocks.0.img_attn.qkv.weight": torch.zeros(8, 8)},
    }  # fmt: skip
    said = []
    for name, tensors in wide.items():
        save_file({**first, **tensors}, tmp_path / f"{name}.safetensors")
        with pytest.raises(NotAModel) as caught:
            describe_control_file(tmp_path / f"{name}.safetensors", AdapterId(name))
        said.append(str(caught.value))
    assert "reads a mask beside its picture (32 channels, where 16 are a picture)" in said[0]
    assert "(68 channels, where 64 are a picture)" in said[1]
    assert "of a layout that is not known" in said[2]


def test_one_that_lacks_weights_is_broken(tmp_path: Path) -> None:
    net = flux_net()
    state = {n: t.contiguous() for n, t in net.state_dict().items() if "ff.net.2" not in n}
    save_file(state, tmp_path / "a.safetensors")
    info = describe_control_file(tmp_path / "a.safetensors", AdapterId("a"))
    with pytest.raises(BrokenModel, match="'a' cannot be loaded"):
        load_steerer(info, CPU)
    save_file({"controlnet_blocks.0.weight": torch.zeros(8, 8),
               "controlnet_x_embedder.weight": torch.zeros(8, 64)}, tmp_path / "b.safetensors")  # fmt: skip
    with pytest.raises(BrokenModel, match=r"'x_embedder\.weight' is missing"):
        describe_control_file(tmp_path / "b.safetensors", AdapterId("b"))
