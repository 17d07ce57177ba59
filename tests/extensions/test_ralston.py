"""The example sampler is of second order, and draws in the studio's own engine."""

from __future__ import annotations

import math

import numpy as np
import torch

from tests.engine.drive import at_once, drive, no_work
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.engine.samplers.test_samplers import MEAN, SPREAD, ideal
from tests.extensions.loading import EXAMPLES, imported
from webui.engine.samplers.common import SamplerOptions
from webui.engine.work import Predict

HIGHEST, LOWEST = 5.0, 0.5


def error(steps: int) -> float:
    """How far from the exact walk from the highest to the lowest level it ends, of Gaussian data."""
    sigmas = [HIGHEST * (LOWEST / HIGHEST) ** (i / steps) for i in range(steps + 1)]
    x = torch.full((1, 1, 1, 1), MEAN + 3.0, dtype=torch.float64)
    with imported("ralston", "worker") as worker:
        walked = drive(worker.ralston(at_once(ideal), x, sigmas, None, SamplerOptions()), no_work)
    kept = math.sqrt((SPREAD**2 + LOWEST**2) / (SPREAD**2 + HIGHEST**2))
    return abs(float(walked) - (MEAN + 3.0 * kept))


def test_half_the_step_is_a_quarter_of_the_error() -> None:
    assert 3.5 < error(20) / error(40) < 4.5


def test_its_pictures_cost_two_evaluations_a_step_and_are_near_those_of_heun(
    library: Library,
) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"ralston": str(EXAMPLES / "ralston")})
    rig.finish(order(model.checkpoint, "own", sampler="ralston/Ralston", steps=8))
    assert rig.ends() == {"own": "done"}, rig.error("own")
    assert len(rig.works(Predict)) == 2 * 8 - 1  # the last step, to 0, is Euler's
    for sampler in ("Heun", "Euler"):
        rig.finish(order(model.checkpoint, sampler, sampler=sampler, schedule="Karras", steps=8))
    made = {name: rig.pictures(name)[0].astype(int) for name in rig.ends()}
    far = {n: np.abs(made["own"] - made[n]).mean() for n in ("Heun", "Euler")}
    assert far["Heun"] < far["Euler"]
