"""Units of the ControlNet extension in a text: as it writes them now, as it wrote them, and broken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webui.contracts.conditions import (
    CONTROL_MODES,
    CONTROL_RESIZES,
    PROMPT_FIRST,
    ControlResize,
    ControlUse,
)
from webui.contracts.ids import AdapterId, ImageId
from webui.contracts.infotext import write_infotext
from webui.contracts.infotext_controls import (
    CROPPED,
    FILLED,
    STRETCHED,
    ToldUnit,
    is_unit,
    read_unit,
)
from webui.contracts.infotext_reading import read_infotext
from webui.contracts.request import GenerationRequest

NOW = (
    "Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 0.75, Resize Mode: Crop and Resize, "
    "Processor Res: 512, Threshold A: 50, Threshold B: 180, Guidance Start: 0.1, Guidance End: 0.8, "
    "Pixel Perfect: True, Control Mode: My prompt is more important"
)
OF_OLD = (
    "preprocessor: canny, model: control_v11p_sd15_canny [d14c016b], weight: 0.75, starting/ending: (0.1, 0.8), "
    "resize mode: Crop and Resize, pixel perfect: True, control mode: My prompt is more important, "
    "preprocessor params: (512, 50, 180)"
)
UNIT = ToldUnit(
    "canny", "control_v11p_sd15_canny", 0.75, 0.1, 0.8, PROMPT_FIRST, CROPPED,
    {"threshold_a": 50, "threshold_b": 180},
)  # fmt: skip


@pytest.mark.parametrize("text", [NOW, OF_OLD])
def test_a_unit_is_read_as_it_is_written_now_and_of_old(text: str) -> None:
    assert read_unit(text) == UNIT


def test_a_unit_in_a_whole_text_is_kept_whole() -> None:
    told = read_infotext(f'a fox\nSteps: 9, Sampler: Euler, Seed: 4, ControlNet 0: "{NOW}"')
    assert told is not None
    assert [read_unit(value) for key, value in told.others.items() if is_unit(key)] == [UNIT]


@pytest.mark.parametrize(
    "said",
    [{"mode": mode} for mode in CONTROL_MODES]
    + [{"resize_mode": mode} for mode in CONTROL_RESIZES],
)
def test_what_we_write_is_read_back(said: dict[str, str]) -> None:
    use = ControlUse.model_validate(
        {"adapter": "nets/edges v1", "image": "a" * 64, "weight": 0.3, "start": 0.25, "end": 0.5, **said}
    )  # fmt: skip
    told = read_infotext(write_infotext(GenerationRequest(prompt="a", controls=(use,)), 7, "m"))
    assert told is not None
    unit = read_unit(told.others["ControlNet 0"])
    assert unit is not None
    back = ControlUse(
        adapter=AdapterId(f"nets/{unit.model}"), image=ImageId("a" * 64), weight=unit.weight,
        start=unit.start, end=unit.end, mode=unit.mode, resize_mode=unit.resize_mode,
    )  # fmt: skip
    assert (back, unit.module, unit.unused) == (use, "none", {})


def test_a_resize_mode_is_written_as_the_extension_writes_it() -> None:
    use = ControlUse.model_validate(
        {"adapter": "edges", "image": "a" * 64, "resize_mode": "Resize and fill"}
    )
    text = write_infotext(GenerationRequest(prompt="a", controls=(use,)), 7, "m")
    assert "Weight: 1, Resize Mode: Resize and Fill, Guidance Start: 0" in text


@pytest.mark.parametrize(
    ("name", "mode"),
    [("Just Resize", STRETCHED), ("Inner Fit (Scale to Fit)", CROPPED), ("Envelope (Outer Fit)", FILLED)],
)  # fmt: skip
def test_resize_modes_are_read_by_their_names_of_old_too(name: str, mode: ControlResize) -> None:
    unit = read_unit(f"Module: none, Model: x, Resize Mode: {name}")
    assert unit == ToldUnit("none", "x", resize_mode=mode)


def test_what_has_no_place_here_is_told_and_the_rest_taken() -> None:
    unit = read_unit(
        "Module: none, Model: x, Weight: 5, Resize Mode: Stretch, Guidance Start: 0.5, Guidance End: nan, "
        "Control Mode: Odd, Input Mode: simple, Threshold A: -1"
    )
    assert unit == ToldUnit(
        "none", "x",
        unused={
            "Weight": "5", "Resize Mode": "Stretch", "Guidance Start": "0.5", "Guidance End": "nan",
            "Control Mode": "Odd",
        },
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "canny", "Module: canny", "Model: , Weight: 1", "(((:::,,,"])
def test_what_names_no_network_is_no_unit(text: str) -> None:
    assert read_unit(text) is None


_WORDS = st.sampled_from(
    ["Model", "model", "Module", "Weight", "Guidance Start", "starting/ending", "preprocessor params", ": ", ", ",
     "(", ")", "nan", "1e999", "-1", "0.5", "Threshold A", "Control Mode", "\u0663", "[d14c016b]", "\n"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end"), [("0.8", "0.2"), ("0.5", "0.5"), ("-1", "0.5"), ("0", "inf")]
)
def test_a_span_that_does_not_last_is_none(start: str, end: str) -> None:
    unit = read_unit(f"Module: none, Model: x, Guidance Start: {start}, Guidance End: {end}")
    assert unit == ToldUnit("none", "x", unused={"Guidance Start": start, "Guidance End": end})


@settings(max_examples=60, deadline=None)
@given(st.lists(_WORDS | st.text(max_size=4), max_size=10).map("".join))
def test_no_text_is_an_error_and_no_unit_has_a_value_that_a_request_refuses(text: str) -> None:
    unit = read_unit(f"Model: x, {text}")
    if unit is None:
        return
    ControlUse(
        adapter=AdapterId("x"), image=ImageId("a" * 64), weight=unit.weight, start=unit.start,
        end=unit.end, mode=unit.mode,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "is_one"),
    [("ControlNet 0", True), ("controlnet 12", True), ("ControlNet", False), ("ControlNet x", False)],
)  # fmt: skip
def test_a_units_key_has_its_number(key: str, is_one: bool) -> None:
    assert is_unit(key) is is_one
