"""ControlNet units of a text, by what is here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.models import write_controlnet
from webui.contracts.conditions import PROMPT_FIRST
from webui.contracts.infotext_controls import CROPPED
from webui.services.catalog import Catalog
from webui.services.preprocessors import PREPROCESSORS
from webui.services.told_controls import ToldControls, WaitingControl, told_controls

CANNY = "control_v11p_sd15_canny"
WAITS = (
    "A text has no control pictures, so the control 'nets/control_v11p_sd15_canny' waits for one; choose it under "
    "Control."
)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    write_controlnet(tmp_path / "nets" / CANNY, "edges")
    return Catalog([tmp_path])


def _told(catalog: Catalog, *units: str) -> ToldControls:
    pairs = {f"ControlNet {i}": unit for i, unit in enumerate(units)} | {"Seed": "4"}
    return told_controls(pairs, catalog, ())


def test_a_unit_waits_for_its_picture_with_all_that_was_told(catalog: Catalog) -> None:
    text = (
        f"Module: canny, Model: {CANNY.upper()} [d14c016b], Weight: 0.5, Threshold A: 50, Threshold B: 999, "
        "Guidance Start: 0.1, Guidance End: 0.8, Control Mode: My prompt is more important, Resize Mode: Crop and Resize"
    )
    told = _told(catalog, text)
    (adapter,) = catalog.adapters("controlnet")
    assert told.waiting == (
        WaitingControl(adapter.id, 0.5, 0.1, 0.8, PROMPT_FIRST, CROPPED, "canny", {"low": 50.0}),
    )
    assert told.notes == (WAITS,)
    assert told.keys == {"ControlNet 0"}


def test_what_is_not_here_is_told(catalog: Catalog) -> None:
    told = _told(
        catalog,
        "Module: canny, Model: control_v11f1p_sd15_depth [cfd03158], Weight: 1",
        "Module: reference_only, Model: None, Weight: 1",
        f"Module: openpose_full, Model: {CANNY}, Resize Mode: Stretch",
    )
    (waiting,) = told.waiting
    assert waiting.preprocessor == ""
    assert told.notes == (
        "The controlnet 'control_v11f1p_sd15_depth' is not here, so ControlNet 0 was left out.",
        "ControlNet 1 used 'reference_only' without a network, which is not here; it was left out.",
        "The preprocessor 'openpose_full' is not here; give ControlNet 2 a picture that is ready for its network.",
        "Not used of ControlNet 2, as it means nothing here: Resize Mode: Stretch.",
        WAITS,
    )


def test_an_extensions_preprocessor_is_found(catalog: Catalog) -> None:
    own = replace(PREPROCESSORS[0], name="Book/Pose")
    text = f"Module: book/pose, Model: {CANNY}"
    told = told_controls({"ControlNet 0": text}, catalog, [own])
    assert [control.preprocessor for control in told.waiting] == ["Book/Pose"]


def test_there_are_no_more_than_a_request_may_have(catalog: Catalog) -> None:
    told = _told(catalog, *[f"Module: none, Model: {CANNY}"] * 5)
    assert len(told.waiting) == 4
    assert told.notes[0].startswith("There may be 4 controls, so these were left out: ")


def test_what_is_no_unit_stays_a_key_that_means_nothing(catalog: Catalog) -> None:
    assert _told(catalog, "canny") == ToldControls()
