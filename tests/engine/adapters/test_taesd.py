"""TAESD in every layout decodes as diffusers' does, and shows unfinished pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import save_file
from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, JobFailed
from webui.contracts.ids import AdapterId
from webui.engine.adapters.vae import load_vae

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def net() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return AutoencoderTiny(latent_channels=16).eval()


def side(net: Any, name: str) -> dict[str, Tensor]:
    """One side's tensors, by their places in the original code, whose decoder begins with a clamp."""
    clamp = int(name == "decoder")
    found = {}
    for key, tensor in getattr(net, name).layers.state_dict().items():
        place, _, rest = key.partition(".")
        found[f"{int(place) + clamp}.{rest}"] = tensor.contiguous()
    return found


def info(path: Path) -> AdapterInfo:
    return AdapterInfo(AdapterId("vae/tiny"), "vae", "tiny", str(path), 1, is_tiny=True)


def written(folder: Path, net: Any, layout: str) -> AdapterInfo:
    left, right = side(net, "encoder"), side(net, "decoder")
    if layout == "two files":
        torch.save(left, folder / "taesd3_encoder.pth")
        torch.save(right, folder / "taesd3_decoder.pth")
        return info(folder / "taesd3_decoder.pth")
    names = ("encoder.", "decoder.") if layout == "merged" else ("taesd_encoder.", "taesd_decoder.")
    state = {names[0] + n: t for n, t in left.items()} | {names[1] + n: t for n, t in right.items()}
    if layout == "diffusers":
        state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    save_file(state, folder / "taesd3.safetensors")
    return info(folder / "taesd3.safetensors")


@pytest.mark.parametrize("layout", ["two files", "merged", "comfyui", "diffusers"])
def test_every_layout_decodes_and_encodes_as_diffusers_does(
    tmp_path: Path, net: Any, layout: str
) -> None:
    loaded = load_vae(written(tmp_path, net, layout), CPU)
    assert (loaded.latent_channels, loaded.factor, loaded.tiny) == (16, 8, True)
    z, x = torch.randn(1, 16, 4, 4), torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(loaded.vae.decode(z, return_dict=False)[0], net.decode(z).sample)
        assert torch.equal(loaded.vae.encode(x, return_dict=False)[0], net.encode(x).latents)


def test_a_lone_decoder_decodes_and_says_what_is_missing(tmp_path: Path, net: Any) -> None:
    told = written(tmp_path, net, "two files")
    (tmp_path / "taesd3_encoder.pth").unlink()
    loaded = load_vae(told, CPU)
    z = torch.randn(1, 16, 4, 4)
    with torch.inference_mode():
        assert torch.equal(loaded.vae.decode(z, return_dict=False)[0], net.decode(z).sample)
        with pytest.raises(JobFailed, match="Put its encoder beside it"):
            loaded.vae.encode(torch.rand(1, 3, 32, 32), return_dict=False)


def test_a_decoder_that_lacks_tensors_is_broken(tmp_path: Path, net: Any) -> None:
    state = side(net, "decoder")
    del state["8.conv.0.weight"]
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(BrokenModel, match="cannot be loaded"):
        load_vae(replace(info(tmp_path / "a.safetensors")), CPU)
