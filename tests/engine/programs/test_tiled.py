from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.drive import drive
from webui.engine import tiles
from webui.engine.adapters.control import Control
from webui.engine.adapters.controlnet import LoadedControl
from webui.engine.classifier_free import Guidance
from webui.engine.guidance import Conditioning, GuidedBy, Steering
from webui.engine.model import LoadedModel
from webui.engine.programs.tiled import decode, guided_in_tiles
from webui.engine.work import DecodeLatent, Predict, Work

SMALL = tiles.Tiles(8, 2)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 8 cells that share 2."""
    monkeypatch.setattr(tiles.cover, "__defaults__", (8, 2))
    monkeypatch.setattr(tiles, "OVERLAP", 2)


def local(work: Work) -> Tensor:
    """A network that looks at one cell at a time: tiles must not change what it says."""
    assert isinstance(work, Predict)
    latent, planes = work.x[:, :4], work.x[:, 4:]
    return torch.tanh(latent) + planes.mean(1, keepdim=True)


def test_where_the_network_sees_only_cells_tiles_change_nothing(model: LoadedModel) -> None:
    generator = torch.Generator().manual_seed(0)
    x, planes = (torch.randn(1, c, 13, 20, generator=generator) for c in (4, 3))
    conditioning = Conditioning(None, planes)
    plan = GuidedBy(Guidance(), model.levels)
    tiled = drive(guided_in_tiles(model, conditioning, plan, (13, 20), SMALL)(x, 2.0), local)
    whole = drive(guided_in_tiles(model, conditioning, plan, (8, 8), SMALL)(x, 2.0), local)
    assert torch.allclose(tiled, whole, atol=1e-5)


def test_the_conditioning_is_cut_to_each_window(model: LoadedModel) -> None:
    net = LoadedControl.__new__(LoadedControl)
    object.__setattr__(net, "factor", 2)
    hint = torch.arange(16.0 * 28).view(1, 1, 16, 28).expand(1, 3, 16, 28)
    where = torch.arange(8.0 * 14).view(1, 1, 8, 14)
    steering = Steering(Control(net, hint, 1.0, mask=where), 9.0, 1.0)
    planes = torch.arange(8.0 * 14).view(1, 1, 8, 14)
    plan = GuidedBy(Guidance(), model.levels)
    denoise = guided_in_tiles(
        model, Conditioning(None, planes, controls=(steering,)), plan, (8, 14), SMALL
    )
    seen: list[Predict] = []

    def answer(work: Work) -> Tensor:
        assert isinstance(work, Predict)
        seen.append(work)
        return work.x[:, :4]

    drive(denoise(torch.zeros(1, 4, 8, 14), 2.0), answer)
    assert [float(work.x[0, 4, 0, 0]) for work in seen] == [0, 6]
    assert [float(work.controls[0].hint[0, 0, 0, 0]) for work in seen] == [0, 12]
    assert {work.controls[0].hint.shape for work in seen} == {(1, 3, 16, 16)}
    masks = [work.controls[0].mask for work in seen]
    assert [None if m is None else (m.shape, float(m[0, 0, 0, 0])) for m in masks] == [
        ((1, 1, 8, 8), 0), ((1, 1, 8, 8), 6),
    ]  # fmt: skip


def test_large_pictures_are_decoded_in_tiles_without_a_seam(
    model: LoadedModel, small_tiles: None
) -> None:
    latent = torch.linspace(0, 200, 20).expand(1, 4, 10, 20)

    def answer(work: Work) -> np.ndarray:  # type: ignore[type-arg]
        assert isinstance(work, DecodeLatent)
        big = work.latent[0, :3].repeat_interleave(2, 1).repeat_interleave(2, 2)
        return big.permute(1, 2, 0).to(torch.uint8).numpy()

    picture = drive(decode(model, latent, 39, 20), answer)
    expected = latent[0, 0].repeat_interleave(2, 0).repeat_interleave(2, 1).to(torch.uint8).numpy()
    assert picture.shape == (20, 39, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture[..., 0], expected[:, :39])
