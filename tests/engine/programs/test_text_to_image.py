from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.engine.drive import drive
from tests.engine.rig import Rig, order
from webui.contracts.choices import SCHEDULES
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.programs import PictureOrder
from webui.engine.programs.text_to_image import text_to_image
from webui.engine.work import Work


def test_the_program_needs_no_engine(model: LoadedModel) -> None:
    def answer(work: Work) -> object:
        return execute([work])[0]

    rig = Rig(model)
    job = order(model.checkpoint)
    rig.finish(job)
    with torch.inference_mode():
        picture = drive(text_to_image(PictureOrder(job.request, 0), model), answer)
    assert (picture == rig.pictures("job")[0]).all()


def test_the_size_is_the_models_own_unless_asked_for(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, "own"), order(model.checkpoint, "asked", width=72, height=64)
    )
    assert rig.pictures("own")[0].shape == (32, 32, 3)
    assert rig.pictures("asked")[0].shape == (64, 72, 3)


@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_every_schedule_draws(model: LoadedModel, schedule: str) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, schedule=schedule))
    assert rig.ends() == {"job": "done"}


def test_the_seed_of_a_picture_wraps_at_the_largest(model: LoadedModel) -> None:
    assert PictureOrder(order(model.checkpoint, seed=2**32 - 1).request, 2).seed == 1


def test_a_variation_of_a_little_is_a_near_relation(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, "own"),
        order(model.checkpoint, "near", variation_seed=9, variation_strength=0.05),
        order(model.checkpoint, "far", variation_seed=9, variation_strength=1.0),
        order(model.checkpoint, "other", seed=9),
    )
    own, near, far, other = (
        rig.pictures(n)[0].astype(int) for n in ("own", "near", "far", "other")
    )
    assert np.abs(far - other).max() <= 1
    assert 0 < np.abs(near - own).mean() < np.abs(far - own).mean()
