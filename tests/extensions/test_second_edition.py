"""An extension that was written against version 1.2 of the points has each of its younger ones called, for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from tests.services.models import write_json, write_weights
from webui.contracts.access import StudioAccess
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.specs import POINTS
from webui.hooks.studio import StudioExtensions
from webui.services.added_families import AddedFamilies
from webui.services.catalog import Catalog

NAME = "second_edition"
FOLDER = Path(__file__).resolve().parents[1] / "hooks" / "fixtures" / NAME
SECOND_POINTS = (
    "preprocessors", "wildcards", "commands", "upscalers", "upscaler_functions", "palettes", "families",
    "family_loaders", "pasted",
)  # fmt: skip
"""Of versions 1.1 and 1.2; none of them may go."""


@pytest.fixture
def studio(tmp_path: Path) -> StudioExtensions:
    made = StudioExtensions(HookHost())
    folder = tmp_path / "own"
    folder.mkdir()
    made.access = lambda name: StudioAccess(name, folder, *[None] * 6)  # type: ignore[arg-type]
    made.load(read_manifest(FOLDER))
    return made


def test_it_uses_every_point_of_its_time() -> None:
    text = "".join((FOLDER / f"{name}.py").read_text("utf-8") for name in ("studio", "worker"))
    assert {n for n in SECOND_POINTS if f"@hookimpl\ndef {n}(" in text} == set(SECOND_POINTS)
    assert set(POINTS) >= set(SECOND_POINTS)


@pytest.mark.point("preprocessors", "wildcards", "commands", "upscalers", "palettes", "pasted")
def test_what_it_offers_the_studio(studio: StudioExtensions, tmp_path: Path) -> None:
    (dim,) = studio.preprocessors()
    pixels = np.full((8, 8, 3), 200, np.uint8)
    assert dim.run(pixels, dim.values({"by": 4}))[0, 0, 0] == 50
    assert studio.wildcards() == {
        f"{NAME}/hues": ["red", "blue"], f"{NAME}/{NAME}": ["own"],
    }  # fmt: skip
    ((_, commands),) = studio.host.collect("commands", dict, folder=tmp_path)
    assert commands["note"](["two", "words"]) == 2
    assert (tmp_path / "noted.txt").read_text() == "two words"
    assert studio.choices("hires_upscaler") == (f"{NAME}/Doubled",)
    assert studio.palettes()[f"{NAME}/rooms"].words_of(1) == "an old bed"
    told = studio.pasted({"Second words": "by night", "Odd": "1"})
    arguments, keys = told
    assert arguments == {NAME: {"words": "by night", "weight": 1.0}}
    assert keys == {"Second words"}
    assert studio.host.failures() == ()


@pytest.mark.point("upscaler_functions", "families", "family_loaders")
def test_its_upscaler_enlarges_and_its_family_draws(
    studio: StudioExtensions, library: Library, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    write_weights(models / "flat.safetensors", {"flat.weight": [1]})
    write_json(models / "flat.json", {"side": 96})
    checkpoint = Catalog([models], added=AddedFamilies(studio.families)).get(
        ModelId("flat.safetensors")
    )
    assert (checkpoint.family, checkpoint.native_width) == (f"{NAME}/flat", 96)
    rig = Rig(library.model("text"))
    rig.engine.use_extensions({NAME: str(FOLDER)})
    image = save_picture(tmp_path / "a.png", 40, 32)
    size: dict[str, Any] = {"width": 80, "height": 64, "upscale_factor": 2.0}
    for job, upscaler in (("own", f"{NAME}/Doubled"), ("near", "Nearest")):
        text = library.model("text").checkpoint
        rig.finish(order(text, job, files={"image": image}, upscaler=upscaler, **size))
    assert np.array_equal(rig.pictures("own")[0], rig.pictures("near")[0])
    model = load_model(checkpoint, torch.device("cpu"), added=rig.engine.extensions.loaders)
    drawn = Rig(model)
    drawn.finish(order(checkpoint, "flat", width=96, height=96, steps=2))
    assert drawn.ends() == {"flat": "done"}, drawn.error("flat")
    assert drawn.pictures("flat")[0].shape == (96, 96, 3)
