"""Each argument of the darkroom changes a picture in the engine, and none does as it stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.extensions.loading import EXAMPLES

CHANGES: dict[str, dict[str, Any]] = {
    name: {name: value}
    for name, value in {
        "variety": 0.8, "extra_noise": 0.8, "coarse_guidance": 3.0, "fine_guidance": 3.0,
        "centre": 1.0, "contrast": 2.0, "grain": 1.0,
    }.items()
}  # fmt: skip


def test_each_argument_changes_the_picture_and_none_does_as_it_stands(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"darkroom": str(EXAMPLES / "darkroom")})
    said: dict[str, dict[str, Any]] = {"plain": {}, "named": {"darkroom": {}}}
    said |= {name: {"darkroom": change} for name, change in CHANGES.items()}
    for job, extensions in said.items():
        rig.finish(order(model.checkpoint, job, extensions=extensions))
    assert set(rig.ends().values()) == {"done"}, [rig.error(job) for job in rig.ends()]
    made = {job: rig.pictures(job)[0] for job in said}
    assert np.array_equal(made["named"], made["plain"])
    assert {n for n in CHANGES if not np.array_equal(made[n], made["plain"])} == set(CHANGES)


def test_its_schedule_draws(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"darkroom": str(EXAMPLES / "darkroom")})
    rig.finish(order(model.checkpoint, "own", schedule="darkroom/Cosine"))
    assert rig.ends() == {"own": "done"}, rig.error("own")
