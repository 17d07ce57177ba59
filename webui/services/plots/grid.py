"""The grid of a plot as a picture: its cells in rows and columns, and its values beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT = (255, 255, 255), (20, 20, 20), (225, 225, 225)
MAX_SIDE, MAX_PIXELS = 32_000, 2**27
"""What a grid may measure."""
_FONT_SHARE, _FONT_LEAST, _FONT_MOST = 18, 11, 42
"""Letters have this part of a cell's longer side, within these pixels."""
_LEFT_SHARE = 0.75
"""Width of the labels at the left, of a cell's."""

Cells = Sequence[Image.Image | None]


@dataclass(frozen=True)
class GridLook:
    """How a grid looks."""

    cell: tuple[int, int]
    """Width and height in pixels of the largest picture."""
    margin: int
    legend: bool

    @property
    def font(self) -> int:
        """Size of the letters, in pixels."""
        return min(_FONT_MOST, max(_FONT_LEAST, max(self.cell) // _FONT_SHARE))

    def legend_size(self, labels: Sequence[Sequence[str]]) -> tuple[int, int, int]:
        """Pixels at the left of a sheet, above it, and above that for the sheet's own label."""
        if not self.legend:
            return 0, 0, 0
        x, y, z = labels
        width, _ = self.cell
        left = int(width * _LEFT_SHARE) if any(y) else 0
        top = _lines_height(x, width, self.font) if any(x) else 0
        return left, top, _lines_height(z, width * len(x) + left, self.font) if any(z) else 0

    def sheet(self, labels: Sequence[Sequence[str]]) -> tuple[int, int]:
        """Width and height of one sheet: the grid of X and Y."""
        left, top, above = self.legend_size(labels)
        columns, rows = len(labels[0]), len(labels[1])
        width, height = self.cell
        gaps = ((columns - 1) * self.margin, (rows - 1) * self.margin)
        return left + columns * width + gaps[0], above + top + rows * height + gaps[1]

    def whole(self, labels: Sequence[Sequence[str]]) -> tuple[int, int]:
        """Width and height of all sheets, side by side."""
        width, height = self.sheet(labels)
        return len(labels[2]) * width + (len(labels[2]) - 1) * self.margin, height


def draw_sheets(cells: Cells, labels: Sequence[Sequence[str]], look: GridLook) -> list[Image.Image]:
    """A picture for each value of Z; a cell that is None stays empty, and is crossed out."""
    per = len(labels[0]) * len(labels[1])
    return [_sheet(cells[z * per : (z + 1) * per], labels, z, look) for z in range(len(labels[2]))]


def side_by_side(sheets: Sequence[Image.Image], margin: int) -> Image.Image:
    """All sheets as one picture."""
    if len(sheets) == 1:
        return sheets[0]
    width = sum(sheet.width for sheet in sheets) + margin * (len(sheets) - 1)
    whole = Image.new("RGB", (width, sheets[0].height), PAPER)
    at = 0
    for sheet in sheets:
        whole.paste(sheet, (at, 0))
        at += sheet.width + margin
    return whole


def _sheet(
    cells: Cells, labels: Sequence[Sequence[str]], place: int, look: GridLook
) -> Image.Image:
    left, top, above = look.legend_size(labels)
    (width, height), (xs, ys, zs) = look.cell, labels
    sheet = Image.new("RGB", look.sheet(labels), PAPER)
    draw = ImageDraw.Draw(sheet)
    if above:
        _write(draw, zs[place], (0, 0, sheet.width, above), look.font)
    for row, label in enumerate(ys):
        y = above + top + row * (height + look.margin)
        if left:
            _write(draw, label, (0, y, left, height), look.font)
        for column in range(len(xs)):
            x = left + column * (width + look.margin)
            _paste(sheet, draw, cells[row * len(xs) + column], (x, y, width, height))
    for column, label in enumerate(xs if top else ()):
        _write(draw, label, (left + column * (width + look.margin), above, width, top), look.font)
    return sheet


def _paste(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    cell: Image.Image | None,
    box: tuple[int, int, int, int],
) -> None:
    x, y, width, height = box
    if cell is not None:
        sheet.paste(cell, (x + (width - cell.width) // 2, y + (height - cell.height) // 2))
        return
    draw.rectangle((x, y, x + width - 1, y + height - 1), fill=FAINT)
    draw.line((x, y, x + width - 1, y + height - 1), fill=PAPER, width=2)
    draw.line((x, y + height - 1, x + width - 1, y), fill=PAPER, width=2)


def _write(draw: ImageDraw.ImageDraw, text: str, box: tuple[int, int, int, int], size: int) -> None:
    """Text in the middle of a box (x, y, width, height), broken into lines."""
    x, y, width, height = box
    lines = "\n".join(_lines(text, width, size))
    draw.multiline_text(
        (x + width / 2, y + height / 2), lines, fill=INK, font=_font(size), anchor="mm", align="center"
    )  # fmt: skip


def _lines_height(labels: Sequence[str], width: int, size: int) -> int:
    most = max(len(_lines(label, width, size)) for label in labels)
    return int(most * size * 1.35) + size


def _lines(text: str, width: int, size: int) -> list[str]:
    """Words as many to a line as fit; a word that is too long is cut."""
    font, lines = _font(size), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width - size:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        while word and font.getlength(word) > width - size:
            word = word[:-1]
        lines[-1] = word
    return lines


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
