"""An extension that was written against version 1.3 of the points has each of its younger ones called, for ever."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.drafts import PictureDraft
from webui.contracts.ids import JobId, PictureId
from webui.contracts.prompt_functions import PromptCall
from webui.contracts.request import GenerationRequest
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.specs import POINTS
from webui.hooks.studio import StudioExtensions

NAME = "third_edition"
FOLDER = Path(__file__).resolve().parents[1] / "hooks" / "fixtures" / NAME
THIRD_POINTS = ("guidance_methods", "guidance_functions", "prompt_functions", "change_metadata")
"""Of version 1.3; none of them may go."""


def test_it_uses_every_point_of_its_time() -> None:
    text = "".join((FOLDER / f"{name}.py").read_text("utf-8") for name in ("studio", "worker"))
    assert {n for n in THIRD_POINTS if f"@hookimpl\ndef {n}(" in text} == set(THIRD_POINTS)
    assert set(POINTS) >= set(THIRD_POINTS)


@pytest.mark.point("guidance_methods")
def test_what_it_does_in_the_studio() -> None:
    studio = StudioExtensions(HookHost())
    studio.settled.set()
    studio.load(read_manifest(FOLDER))
    assert studio.choices("guidance_method") == (f"{NAME}/Plain",)
    (function,) = studio.prompt_functions().values()
    assert function(PromptCall(("sea",), random.Random(1))) == "sea"
    request = GenerationRequest(prompt="a boat", extensions={NAME: {}})
    draft = PictureDraft(PictureId("p"), JobId("j"), 0, request, 0.0)
    told = studio.change_metadata(draft)
    assert (told.request.prompt, told.keys) == ("told", {"Credit": "A. Painter"})
    assert studio.host.failures() == ()


@pytest.mark.point("guidance_functions")
def test_its_guidance_draws_as_plain_guidance_does(library: Library) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use({NAME: str(FOLDER)})
    fields: dict[str, Any] = {"steps": 3}
    rig.finish(order(model.checkpoint, "usual", **fields))
    rig.finish(order(model.checkpoint, "own", guidance_method=f"{NAME}/Plain", **fields))
    assert rig.ends() == {"usual": "done", "own": "done"}, rig.error("own")
    usual, own = (rig.pictures(job)[0].astype(int) for job in ("usual", "own"))
    assert np.abs(own - usual).max() <= 1
