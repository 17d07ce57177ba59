"""First stages in files of their own take the place of a model's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import save_file

from tests.engine.ldm_layout.original_first_stage import FirstStage, StageSizes
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.contracts.ids import AdapterId
from webui.engine.adapters.vae import load_vae
from webui.engine.ldm_layout.first_stage import ATTENTION, RESNET
from webui.engine.work import DecodeLatent

CPU = torch.device("cpu")


def first_stage() -> Any:
    """A random one of the tiny text model's shape: four channels at half of the size."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return AutoencoderKL(
            block_out_channels=(32, 64), latent_channels=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        ).eval()  # fmt: skip


def original(name: str) -> str:
    """A tensor's name in the original code, of a network of two levels."""
    inner = {ours: theirs for table in (RESNET, ATTENTION) for theirs, ours in table.items()}
    parts = name.split(".")
    if "_block" not in name:
        return name.replace("conv_norm_out", "norm_out")
    side, block = parts[0], parts[1]
    if block == "mid_block":
        which = f"block_{int(parts[3]) + 1}" if parts[2] == "resnets" else "attn_1"
        place, rest = f"{side}.mid.{which}", ".".join(parts[4:-1])
    else:
        level = int(parts[2]) if block == "down_blocks" else 1 - int(parts[2])
        way, kind, at = block.split("_")[0], parts[3], parts[4]
        sampled = kind.removesuffix("rs") if kind.endswith("samplers") else ""
        place = f"{side}.{way}.{level}.{sampled or f'block.{at}'}"
        rest = ".".join(parts[5:-1])
    return f"{place}.{inner.get(rest, rest)}.{parts[-1]}"


def written(path: Path, net: Any, layout: str) -> AdapterInfo:
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    if layout != "diffusers":
        prefix = "first_stage_model." if layout == "cut out" else ""
        state = {prefix + original(name): tensor for name, tensor in state.items()}
    save_file(state, path)
    return AdapterInfo(AdapterId("vae/own"), "vae", "own", str(path), 1)


@pytest.mark.parametrize("layout", ["original", "cut out", "diffusers"])
def test_a_file_of_any_layout_decodes_and_encodes_as_diffusers_does(
    tmp_path: Path, layout: str
) -> None:
    net = first_stage()
    loaded = load_vae(written(tmp_path / "a.safetensors", net, layout), CPU)
    assert (loaded.latent_channels, loaded.factor, loaded.tiny) == (4, 2, False)
    z, x = torch.randn(1, 4, 8, 8), torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(loaded.vae.decode(z, return_dict=False)[0], net.decode(z).sample)
        ours = loaded.vae.encode(x, return_dict=False)[0].mode()
        assert torch.equal(ours, net.encode(x).latent_dist.mode())


def test_a_request_is_drawn_through_the_first_stage_that_it_names(
    library: Library, tmp_path: Path
) -> None:
    model, net = library.model("text"), first_stage()
    info = written(tmp_path / "a.safetensors", net, "original")
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, "own", adapters=(info,), vae=info.id, count=2),
        order(model.checkpoint, "usual"),
    )
    usual, *own = (
        work for work in sorted(rig.works(DecodeLatent), key=lambda w: w.model is not model)
    )
    assert usual.model.vae is model.vae
    assert own[0].model is own[1].model
    assert own[0].model.unet is model.unet
    first = min(own, key=lambda work: (work.latent - usual.latent).abs().max())
    assert torch.allclose(first.latent, usual.latent, atol=1e-2)  # the walk is the same
    with torch.inference_mode():
        expected = net.decode(first.latent / model.latent_scale + model.latent_shift).sample[0]
    made = torch.from_numpy(rig.pictures("own")[0].copy()).permute(2, 0, 1) / 127.5 - 1
    assert (made - expected[:, : made.shape[1], : made.shape[2]].clamp(-1, 1)).abs().max() < 0.02


def test_one_of_other_latents_fails_its_job_only(library: Library, tmp_path: Path) -> None:
    with torch.random.fork_rng():
        net: Any = AutoencoderTiny()
    info = written(tmp_path / "taesd.safetensors", net, "diffusers")
    assert load_vae(info, CPU).tiny
    model = library.model("text")
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, "misfit", adapters=(info,), vae=info.id),
        order(model.checkpoint, "plain"),
    )
    assert rig.ends() == {"misfit": "failed", "plain": "done"}
    assert "latents of 4 channels at 1/8 of the size" in rig.error("misfit")


def test_other_weights_are_named(tmp_path: Path) -> None:
    save_file({"a.weight": torch.ones(3)}, tmp_path / "a.safetensors")
    info = AdapterInfo(AdapterId("vae/own"), "vae", "own", str(tmp_path / "a.safetensors"), 1)
    with pytest.raises(BrokenModel, match=r"The VAE 'vae/own' cannot be loaded"):
        load_vae(info, CPU)


@pytest.mark.parametrize(
    ("codes", "precision"), [(None, torch.float16), (50, torch.float32)], ids=["kl", "vq"]
)
def test_only_a_codebook_stays_in_full_precision_on_a_gpu(
    tmp_path: Path, codes: int | None, precision: torch.dtype
) -> None:
    state = FirstStage(StageSizes(mult=(1, 2, 4), codes=codes)).state_dict()
    save_file(state, tmp_path / "a.safetensors")
    info = AdapterInfo(AdapterId("vae/a"), "vae", "a", str(tmp_path / "a.safetensors"), 1)
    loaded = load_vae(info, torch.device("meta"))  # as any device that is not the processor
    assert {weight.dtype for weight in loaded.vae.parameters()} == {precision}
