"""The example that patches the network: in the early steps of its own pictures, and of no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.extensions.loading import EXAMPLES
from webui.engine.work import Predict

BOTH: dict[str, Any] = {"steps": 4, "width": 64, "height": 64, "guidance_scale": 1.0, "sampler": "Euler"}


def test_the_early_steps_are_patched_and_other_pictures_are_as_without_it(library: Library) -> None:
    checkpoint = library.model("text").checkpoint
    alone = Rig(library.model("text"))
    alone.finish(order(checkpoint, "plain", **BOTH))
    rig = Rig(library.model("text"))
    rig.engine.extensions.use({"deepshrink": str(EXAMPLES / "deepshrink")})
    said = {"early": {"until": 0.5}, "whole": {"until": 1.0}, "off": {"factor": 1.0}}
    for job, arguments in said.items():
        rig.batches.clear()
        rig.finish(order(checkpoint, job, extensions={"deepshrink": arguments}, **BOTH))
        assert rig.ends()[job] == "done", rig.error(job)
        patched = [bool(work.patchings) for work in rig.works(Predict)]
        assert patched == {"early": [True] * 2 + [False] * 2, "whole": [True] * 4, "off": [False] * 4}[job]
    rig.finish(order(checkpoint, "after", **BOTH))
    made = {job: rig.pictures(job)[0] for job in rig.ends()}
    (plain,) = alone.pictures("plain")
    assert {job for job in made if np.array_equal(made[job], plain)} == {"off", "after"}
    assert not np.array_equal(made["early"], made["whole"])


@pytest.mark.parametrize("fields", [{"hires_scale": 2.0, "hires_steps": 2}])
def test_a_second_pass_is_drawn_as_ever(library: Library, fields: dict[str, Any]) -> None:
    rig = Rig(library.model("text"))
    rig.engine.extensions.use({"deepshrink": str(EXAMPLES / "deepshrink")})
    said = {"deepshrink": {"until": 1.0}}
    rig.finish(order(library.model("text").checkpoint, extensions=said, **BOTH, **fields))
    assert rig.ends() == {"job": "done"}, rig.error("job")
    patched = [bool(work.patchings) for work in rig.works(Predict)]
    assert patched[:4] == [True] * 4
    assert set(patched[4:]) == {False}
