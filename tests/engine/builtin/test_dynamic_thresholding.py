"""Guidance that is held within the range of a lower scale, by what any extension may do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.engine.builtin.dynamic_thresholding import thresholded
from webui.engine.classifier_free import at_other_scale, weighed
from webui.engine.extending import Moment


def rows() -> Tensor:
    return torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def test_a_channel_has_the_range_of_the_lower_scale_about_its_own_mean() -> None:
    output = rows()
    guided, mimicked = weighed(output, (1.0,), 15.0), weighed(output, (1.0,), 5.0)
    tamed = thresholded(guided, mimicked, 1.0)
    for channel in range(4):
        theirs, own, wild = (t[0, channel] for t in (mimicked, tamed, guided))
        reach = float((theirs - theirs.mean()).abs().max())
        assert float((own - wild.mean()).abs().max()) == pytest.approx(reach, rel=1e-4)
        assert torch.corrcoef(torch.stack([own.flatten(), wild.flatten()]))[0, 1] > 0.999


def test_a_percentile_cuts_what_lies_beyond_it() -> None:
    output = rows()
    output[0, 0, 0, 0] = 500.0
    guided, mimicked = weighed(output, (1.0,), 15.0), output[1:]
    kept, cut = (thresholded(guided, mimicked, share)[0, 0] for share in (1.0, 0.99))
    assert float(cut[1:].std()) > 20 * float(kept[1:].std())


def test_a_request_asks_for_it_and_nothing_else_changes(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    asked: dict[str, dict[str, Any]] = {
        "plain": {"guidance_scale": 12.0},
        "tamed": {"guidance_scale": 12.0, "mimic_scale": 2.0},
        "at its own": {"guidance_scale": 12.0, "mimic_scale": 12.0},
        "parts": {"guidance_scale": 12.0, "mimic_scale": 2.0, "prompt": "a boat AND a lake :0.5"},
        "unguided": {"guidance_scale": 1.0},
        "unguided, asked": {"guidance_scale": 1.0, "mimic_scale": 2.0},
    }
    for job, fields in asked.items():
        rig.finish(order(model.checkpoint, job, **fields))
    made = {job: rig.pictures(job)[0].astype(int) for job in asked}
    assert np.abs(made["tamed"] - made["plain"]).mean() > 1
    assert np.abs(made["at its own"] - made["plain"]).max() <= 1
    assert np.array_equal(made["unguided"], made["unguided, asked"])
    assert made["parts"].shape == made["plain"].shape


def test_another_scale_weighs_the_same_rows_and_only_where_rows_are_weighed() -> None:
    output = rows()
    place = torch.rand(1, 1, 16, 16)
    assert torch.equal(at_other_scale(output, (place,), 3.0), weighed(output, (place,), 3.0))
    assert torch.equal(at_other_scale(output[:1], (1.0,), 3.0), output[:1])
    moment = Moment.at(1.0, (2.0, 1.0, 0.0))
    with pytest.raises(ValueError, match="only change_guidance"):
        moment.at_scale(3.0)
    assert dataclasses.replace(moment, at_scale=lambda scale: output * scale).step == 2
