"""The grid to the pixel."""

from __future__ import annotations

from PIL import Image

from webui.services.plots.grid import FAINT, PAPER, GridLook, draw_sheets, side_by_side

RED, GREEN, BLUE, GOLD = (255, 0, 0), (0, 128, 0), (0, 0, 255), (200, 160, 0)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (16, 8)) -> Image.Image:
    return Image.new("RGB", size, colour)


def test_cells_stand_where_x_and_y_say_with_the_margin_between() -> None:
    cells = [plain(colour) for colour in (RED, GREEN, BLUE, GOLD)]
    (sheet,) = draw_sheets(cells, (("a", "b"), ("c", "d"), ("",)), GridLook((16, 8), 4, False))
    assert sheet.size == (36, 20)
    corners = [(0, 0), (20, 0), (0, 12), (20, 12)]
    for (x, y), colour in zip(corners, (RED, GREEN, BLUE, GOLD), strict=True):
        for at in ((x, y), (x + 15, y + 7)):
            assert sheet.getpixel(at) == colour
    assert {sheet.getpixel((x, 9)) for x in range(36)} == {PAPER}
    assert {sheet.getpixel((17, y)) for y in range(20)} == {PAPER}


def test_each_value_of_z_is_a_sheet_beside_the_last() -> None:
    cells = [plain(RED), plain(GREEN)]
    look = GridLook((16, 8), 2, False)
    labels = (("",), ("",), ("1", "2"))
    whole = side_by_side(draw_sheets(cells, labels, look), look.margin)
    assert whole.size == look.whole(labels) == (34, 8)
    assert whole.getpixel((15, 7)) == RED
    assert whole.getpixel((18, 0)) == GREEN


def test_a_smaller_picture_stands_in_the_middle_and_a_missing_one_is_crossed_out() -> None:
    cells = [plain(RED, (8, 4)), None]
    (sheet,) = draw_sheets(cells, (("a", "b"), ("",), ("",)), GridLook((16, 8), 0, False))
    assert (sheet.getpixel((4, 2)), sheet.getpixel((3, 2))) == (RED, PAPER)
    assert sheet.getpixel((24, 0)) == FAINT


def test_the_legend_has_ink_above_and_at_the_left_and_leaves_the_cells_alone() -> None:
    cells = [plain(RED, (96, 64)), plain(GREEN, (96, 64))]
    labels = (("Steps: 4", "Steps: 8"), ("Seed: 1",), ("Sampler: Euler",))
    look = GridLook((96, 64), 0, True)
    left, top, above = look.legend_size(labels)
    (sheet,) = draw_sheets(cells, labels, look)
    assert sheet.size == (left + 192, above + top + 64)
    for box in (
        (0, above + top, left, sheet.height),
        (left, above, left + 96, above + top),
        (left + 96, above, sheet.width, above + top),
        (0, 0, sheet.width, above),
    ):
        letters = sheet.crop(box).convert("L").point(lambda shade: shade < 100 and 255)
        assert letters.getbbox() is not None
    assert sheet.crop((left, above + top, left + 96, sheet.height)).getcolors() == [(96 * 64, RED)]


def test_a_long_label_is_broken_into_lines_and_makes_room() -> None:
    short, long = (("a",), ("",), ("",)), (("word " * 30,), ("",), ("",))
    look = GridLook((96, 64), 0, True)
    assert look.sheet(long)[1] > look.sheet(short)[1] + 100
