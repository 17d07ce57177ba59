"""The example guidance method draws, by its name, in the studio's own engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.extensions.loading import EXAMPLES
from webui.engine.work import Predict

ZERO_STAR = "zerostar/CFG-Zero*"


def test_it_guides_and_needs_no_more_than_two_rows_a_step(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({"zerostar": str(EXAMPLES / "zerostar")})
    drawn = {"own": ZERO_STAR, "usual": "Classifier-free"}
    for job, method in drawn.items():
        fields: dict[str, Any] = {"sampler": "Euler", "steps": 20, "negative_prompt": "rain", "guidance_scale": 6.0}
        rig.finish(order(model.checkpoint, job, guidance_method=method, **fields))
    assert rig.ends() == dict.fromkeys(drawn, "done"), rig.error("own")
    assert {work.x.shape[0] for work in rig.works(Predict)} == {2}
    assert not np.array_equal(rig.pictures("own")[0], rig.pictures("usual")[0])
    rig.engine.extensions.use({})
    rig.finish(order(model.checkpoint, "gone", guidance_method=ZERO_STAR))
    assert rig.ends()["gone"] == "failed"
    assert f"no guidance method {ZERO_STAR!r}" in rig.error("gone")
