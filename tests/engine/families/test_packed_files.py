"""Files whose weights are packed draw what the same numbers, unpacked, draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3, write_tiny_flow
from tests.engine.flow_layout.published import FLUX, SD3, published
from tests.engine.original import described, random_weights, tiny_sd1
from tests.engine.packed.reference import packed_q8_0
from tests.engine.rig import Rig, order
from tests.weights.files import write_gguf
from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.families.registry import load_model
from webui.engine.packed.layers import PackedLinear
from webui.engine.weights import open_weights
from webui.engine.work import DecodeLatent

CPU = torch.device("cpu")


def packed_file(file: Path, weights: dict[str, Tensor]) -> CheckpointInfo:
    """All that can be, as Q8_0; the rest in float32."""
    tensors = {}
    for name, weight in weights.items():
        fits = weight.dim() > 1 and weight.is_floating_point() and weight[0].numel() % 32 == 0
        raw = packed_q8_0(weight) if fits else weight.float().numpy().tobytes()
        tensors[name] = ("Q8_0" if fits else "F32", weight.shape, raw)
    return described(write_gguf(file, tensors))


def drawn(checkpoint: CheckpointInfo) -> tuple[Tensor, int]:
    """A latent, and how many layers stayed packed."""
    model = load_model(checkpoint, CPU)
    rig = Rig(model)
    rig.finish(order(checkpoint, width=64, height=64, steps=2, prompt="a house by the sea"))
    assert set(rig.ends().values()) == {"done"}, rig.error("job")
    (decoded,) = rig.works(DecodeLatent)
    layers = [m for m in model.unet.modules() if isinstance(m, PackedLinear)]
    return decoded.latent, len(layers)


def test_a_gguf_file_of_stable_diffusion_draws_what_its_numbers_draw(tmp_path: Path) -> None:
    checkpoint = packed_file(tmp_path / "v1.gguf", random_weights(tiny_sd1()))
    assert checkpoint.format == "gguf"
    assert checkpoint.dtype == "Q8_0"
    plain = tmp_path / "plain.safetensors"
    packed = open_weights(Path(checkpoint.path))
    safetensors.torch.save_file({name: packed[name].clone() for name in packed}, plain)
    latent, layers = drawn(checkpoint)
    expected, none = drawn(described(plain))
    assert (layers > 20, none) == (True, 0)
    assert latent.abs().max() > 0.1
    assert torch.equal(latent, expected)


def test_scaled_eight_bit_weights_draw_what_their_products_draw(tmp_path: Path) -> None:
    stored, products = {}, {}
    for number, (name, weight) in enumerate(random_weights(tiny_sd1()).items()):
        if weight.dim() != 2 or not name.startswith("model.diffusion_model."):
            stored[name] = products[name] = weight
            continue
        scale = torch.tensor(0.01 + number / 1e5)
        kind = torch.float8_e5m2 if number % 2 else torch.float8_e4m3fn
        stored[name] = (weight / scale).to(kind)
        stored[name.removesuffix("weight") + "scale_weight"] = scale
        stored[name.removesuffix("weight") + "scale_input"] = torch.tensor(1.0)
        products[name] = stored[name].float() * scale
    stored["model.diffusion_model.scaled_fp8"] = torch.empty(2, dtype=torch.float8_e4m3fn)
    for name, weights in (("scaled", stored), ("plain", products)):
        safetensors.torch.save_file(weights, tmp_path / f"{name}.safetensors")
    latent, layers = drawn(described(tmp_path / "scaled.safetensors"))
    expected, _ = drawn(described(tmp_path / "plain.safetensors"))
    assert layers > 20
    assert torch.equal(latent, expected)


def bare(folder: Path, pipeline: Any, rules: Any, *, packs: bool = True) -> CheckpointInfo:
    """The network of a pipeline alone in its published layout, beside the rest of its folder."""
    rest = folder / "rest"
    pipeline.save_pretrained(rest)
    for file in (rest / "transformer").glob("*.safetensors"):
        file.unlink()
    weights = published(pipeline.transformer.state_dict(), rules)
    if packs:
        return packed_file(folder / "network.gguf", weights)
    safetensors.torch.save_file(weights, folder / "network.safetensors")
    return described(folder / "network.safetensors")


@pytest.mark.parametrize(("make", "rules"), [(tiny_flux, FLUX), (tiny_sd3, SD3)])
def test_a_transformer_alone_draws_with_the_rest_of_a_folder(
    tmp_path: Path, make: Any, rules: Any
) -> None:
    pipeline = make()
    checkpoint = bare(tmp_path / "a", pipeline, rules, packs=False)
    assert (checkpoint.format, checkpoint.packed) == ("safetensors", 0)
    whole = write_tiny_flow(tmp_path / "whole", pipeline)
    assert torch.equal(drawn(checkpoint)[0], drawn(whole)[0])


@pytest.mark.parametrize(("make", "rules"), [(tiny_flux, FLUX), (tiny_sd3, SD3)])
def test_a_packed_transformer_draws_what_its_numbers_draw(
    tmp_path: Path, make: Any, rules: Any
) -> None:
    pipeline = make()
    checkpoint = bare(tmp_path / "a", pipeline, rules)
    assert checkpoint.packed > 1000
    numbers = open_weights(Path(checkpoint.path))
    plain = {name: numbers[name].clone() for name in numbers}
    (tmp_path / "a" / "network.gguf").rename(tmp_path / "a" / "packed.gguf")
    safetensors.torch.save_file(plain, tmp_path / "a" / "network.safetensors")
    latent, layers = drawn(described(tmp_path / "a" / "packed.gguf"))
    assert layers > 3
    assert torch.equal(latent, drawn(described(tmp_path / "a" / "network.safetensors"))[0])
