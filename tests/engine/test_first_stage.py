"""A first stage that overflows goes on in a wider precision, and those who use it are told."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.engine.rig import Rig, order
from webui.engine.adapters.merging import MergedWeights
from webui.engine.first_stage import decode_latents, encode_pixels
from webui.engine.model import LoadedModel


class Overflowing(nn.Module):
    """Multiplies beyond the range of float16 and back; 1 stays 1 in any wider precision."""

    def __init__(self, full: tuple[torch.dtype, ...] = (), limit: float = 2.0**20) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(2), requires_grad=False)
        self.full, self.limit = full, limit
        self.half()

    def decode(self, z: Tensor, *, return_dict: bool) -> tuple[Tensor]:
        if self.gain.dtype in self.full:
            raise torch.OutOfMemoryError("full")
        return (z * self.gain[0] * self.limit / self.limit,)

    def encode(self, x: Tensor, *, return_dict: bool) -> tuple[Tensor]:
        return self.decode(x, return_dict=return_dict)


ONES = torch.ones(2, 3, 4, 4)


def test_it_goes_on_in_float32_and_says_so_once() -> None:
    vae, said = Overflowing(), list[str]()
    for run in (decode_latents, encode_pixels, decode_latents):
        assert torch.equal(run(vae, ONES, said.append).float(), ONES)
    assert vae.gain.dtype == torch.float32
    assert said == ["The first stage (VAE) overflows in float16; it runs in float32 from now on, which is slower."]  # fmt: skip


def test_where_float32_does_not_fit_it_goes_on_in_bfloat16() -> None:
    vae, said = Overflowing(full=(torch.float32,)), list[str]()
    assert torch.equal(decode_latents(vae, ONES, said.append).float(), ONES)
    assert vae.gain.dtype == torch.bfloat16
    assert "in bfloat16" in said[0]


def test_where_nothing_wider_fits_it_stays_whole_as_it_was() -> None:
    vae = Overflowing(full=(torch.float32, torch.bfloat16))
    with pytest.raises(torch.OutOfMemoryError):
        decode_latents(vae, ONES)
    assert {p.dtype for p in vae.parameters()} == {torch.float16}


def test_what_comes_as_no_number_is_not_its_fault() -> None:
    vae = Overflowing(limit=2.0)
    latents = ONES.clone()
    latents[1, 0, 0, 0] = torch.nan
    result = decode_latents(vae, latents)
    assert result[0].isfinite().all()
    assert vae.gain.dtype == torch.float16


def test_what_overflows_in_float32_is_left_to_its_picture() -> None:
    vae, said = Overflowing(limit=float("inf")), list[str]()
    assert decode_latents(vae, ONES, said.append).isnan().all()
    assert vae.gain.dtype in (torch.float32, torch.bfloat16)


def test_a_job_is_told_that_the_first_stage_fell_back_and_drawn(model: LoadedModel) -> None:
    half: Any = deepcopy(model.vae)  # diffusers' parts are typed loosely
    half.to(torch.float16)
    with torch.no_grad():
        for p in half.parameters():
            p.copy_(p.clamp(-1, 1))
        half.decoder.conv_in.weight.mul_(3e4)
        half.decoder.conv_in.bias.mul_(3e4)
    whole = replace(model, vae=deepcopy(half).float(), merged=MergedWeights(), remarks=[])
    rig, exact = Rig(replace(model, vae=half, merged=MergedWeights(), remarks=[])), Rig(whole)
    rig.finish(order(model.checkpoint, "first", prompt="a (house"), order(model.checkpoint, "too"))
    exact.finish(order(model.checkpoint, "first", prompt="a (house"))
    assert rig.ends() == {"first": "done", "too": "done"}
    notes = {note.job_id: note.text for note in rig.notes()}
    assert "overflows in float16" in notes["too"]  # type: ignore[index]
    assert "'('" in notes["first"]  # type: ignore[index]
    assert "overflows in float16" in notes["first"]  # type: ignore[index]
    difference = rig.pictures("first")[0].astype(int) - exact.pictures("first")[0]
    assert abs(difference).mean() < 2
