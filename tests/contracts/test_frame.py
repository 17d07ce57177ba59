"""The frame around a picture."""

from __future__ import annotations

import pytest

from webui.contracts.errors import InvalidField
from webui.contracts.frame import Frame
from webui.contracts.request import GenerationRequest, parse_request


def request_with(**sides: int) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": "", "image": "a" * 64, **sides})


def test_a_frame_is_widened_at_the_right_and_below() -> None:
    frame = Frame((37, 32), left=8, top=16, right=0, bottom=0).widened_to(8)
    assert frame.size == (48, 48)
    assert (frame.left, frame.top, frame.right, frame.bottom) == (8, 16, 3, 0)


def test_without_sides_there_is_no_frame_at_any_size() -> None:
    assert request_with().frame((37, 31)).size == (37, 31)
    assert not request_with().outpaints
    assert request_with().task == "img2img"


def test_each_side_has_its_own_field() -> None:
    sides = {"outpaint_left": 8, "outpaint_right": 16, "outpaint_top": 24, "outpaint_bottom": 32}
    request = request_with(**sides)
    assert request.frame((64, 64)) == Frame((64, 64), left=8, top=24, right=16, bottom=32)
    assert request.task == "inpaint"
    assert request_with(outpaint_bottom=8).first_drawn_on == "outpaint_bottom"


def test_a_side_of_no_whole_cells_is_refused() -> None:
    with pytest.raises(InvalidField, match="outpaint_left is 12, expected a multiple of 8"):
        parse_request({"prompt": "", "outpaint_left": 12})
