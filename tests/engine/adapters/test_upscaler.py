"""Upscaler networks: read from any file that people have, run in tiles, in the upscale tab and the second pass."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.engine.adapters.upscaler_files import ID, state, write_upscaler
from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel
from webui.engine.adapters.upscaler import LoadedUpscaler, load_upscaler, upscale_pixels
from webui.engine.splitting import split
from webui.engine.work import UpscalePixels

CPU = torch.device("cpu")


def by_hand(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """What this network is by its paper (Wang et al. 2021): a residue on the enlarged picture."""
    functional = torch.nn.functional
    h = x
    for i in (0, 2, 4):
        h = functional.conv2d(h, weights[f"body.{i}.weight"], weights[f"body.{i}.bias"], padding=1)
        if i < 4:
            h = functional.prelu(h, weights[f"body.{i + 1}.weight"])
    large = functional.interpolate(x, scale_factor=2, mode="nearest")
    return (functional.pixel_shuffle(h, 2) + large).clamp(0, 1)


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> AdapterInfo:
    return write_upscaler(tmp_path_factory.mktemp("upscalers") / "tiny.safetensors")


@pytest.fixture(scope="module")
def net(info: AdapterInfo) -> LoadedUpscaler:
    return load_upscaler(info, CPU)


def test_the_network_draws_what_its_weights_say(net: LoadedUpscaler) -> None:
    x = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(1))
    assert net.scale == 2
    assert (upscale_pixels(net, x) - by_hand(state(), x)).abs().max() < 1e-5


def test_torchvision_is_not_there_afterwards(net: LoadedUpscaler) -> None:
    assert net.scale == 2
    assert "torchvision" not in sys.modules


@pytest.mark.parametrize("wrapper", ["params_ema", "params", None])
def test_a_pickled_file_is_read_without_unpickling(
    tmp_path: Path, info: AdapterInfo, net: LoadedUpscaler, wrapper: str | None
) -> None:
    path = tmp_path / "tiny.pth"
    torch.save(state() if wrapper is None else {wrapper: state()}, path)
    loaded = load_upscaler(replace(info, path=str(path)), CPU)
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(upscale_pixels(loaded, x), upscale_pixels(net, x))


def test_weights_of_no_upscaler_are_named(tmp_path: Path, info: AdapterInfo) -> None:
    save_file({"a.weight": torch.ones(3, 3, 3, 3)}, tmp_path / "a.safetensors")
    with pytest.raises(BrokenModel, match=r"'upscalers/tiny' cannot be loaded.*no upscaler"):
        load_upscaler(replace(info, path=str(tmp_path / "a.safetensors")), CPU)


def test_a_picture_in_tiles_has_no_seams(
    library: Library, info: AdapterInfo, net: LoadedUpscaler, tmp_path: Path
) -> None:
    picture = save_picture(tmp_path / "a.png", 264, 200)
    model = library.model("text")
    rig = Rig(model)
    fields: dict[str, Any] = {"upscaler": ID, "upscale_factor": 2, "image": image_id(picture)}
    rig.finish(order(model.checkpoint, "job", files={"a": picture}, adapters=(info,), width=528, height=400, **fields))  # fmt: skip
    (made,) = rig.pictures("job")
    assert made.shape == (400, 528, 3)
    assert len(rig.works(UpscalePixels)) == 4
    values = torch.from_numpy(np.asarray(Image.open(picture), np.float32) / 255)
    whole = upscale_pixels(net, values.permute(2, 0, 1)[None])[0].permute(1, 2, 0) * 255
    assert np.abs(made.astype(int) - whole.round().numpy()).max() <= 1


def test_a_factor_that_the_network_has_not_is_resampled(
    library: Library, info: AdapterInfo, tmp_path: Path
) -> None:
    picture = save_picture(tmp_path / "a.png", 40, 32)
    model = library.model("text")
    rig = Rig(model)
    fields: dict[str, Any] = {"upscaler": ID, "upscale_factor": 3, "image": image_id(picture)}
    rig.finish(order(model.checkpoint, "job", files={"a": picture}, adapters=(info,), width=120, height=96, **fields))  # fmt: skip
    assert rig.pictures("job")[0].shape == (96, 120, 3)
    sizes = [tuple(work.pixels.shape[-2:]) for work in rig.works(UpscalePixels)]
    assert sizes == [(32, 40), (64, 80)]  # twice two is more than three


def test_the_second_pass_begins_from_the_networks_picture(
    library: Library, info: AdapterInfo
) -> None:
    model = library.model("text")
    rig = Rig(model)
    hires: dict[str, Any] = {"hires_scale": 2.0, "denoising_strength": 0.5, "steps": 2}
    rig.finish(
        order(model.checkpoint, "network", adapters=(info,), hires_upscaler=ID, **hires),
        order(model.checkpoint, "lanczos", hires_upscaler="Lanczos", **hires),
    )
    (one,), (two,) = rig.pictures("network"), rig.pictures("lanczos")
    assert one.shape == two.shape
    assert not np.array_equal(one, two)
    assert len(rig.works(UpscalePixels)) == 1


def test_what_does_not_fit_the_memory_is_enlarged_in_two_windows(
    library: Library, net: LoadedUpscaler
) -> None:
    small = torch.rand(1, 3, 4, 8, generator=torch.Generator().manual_seed(3))
    pixels = torch.nn.functional.interpolate(small, (40, 80), mode="bicubic").clamp(0, 1)
    work = UpscalePixels(library.model("text"), net, pixels)
    parted = split(work)
    assert parted is not None
    answers = [upscale_pixels(net, part.pixels) for part in parted.parts]  # type: ignore[union-attr]
    joined = parted.join(answers)
    assert isinstance(joined, Tensor)
    assert (joined - upscale_pixels(net, pixels)).abs().mean() < 1e-3
    assert split(replace(work, pixels=pixels[..., :16, :16])) is None
