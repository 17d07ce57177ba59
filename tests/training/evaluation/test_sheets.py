"""Sheets of samples."""

import numpy as np
from PIL import Image

from webui.training.evaluation.sheets import COLUMNS, PROMPTS, prompt_sheet, row_sheet
from webui.training.evaluation.workbench import TEXT_MODEL, Workbench
from webui.training.world import vocabulary


def test_the_fixed_prompts_use_the_worlds_words_only() -> None:
    known = set(vocabulary())
    assert {word for text in PROMPTS for word in text.replace(",", "").split()} <= known


def test_fixed_prompts_give_the_same_sheet_each_time(bench: Workbench) -> None:
    model = bench.load(TEXT_MODEL)
    name, _ = prompt_sheet(bench, model, "twice")
    first = (bench.images / name).read_bytes()
    prompt_sheet(bench, model, "twice")
    assert (bench.images / name).read_bytes() == first
    side = model.checkpoint.native_width
    with Image.open(bench.images / name) as sheet:
        assert sheet.size == (COLUMNS * side, len(PROMPTS) // COLUMNS * side)


def test_each_row_of_a_sheet_is_one_sort_of_pictures(bench: Workbench) -> None:
    dark, light = np.zeros((9, 8, 8, 3), np.uint8), np.full((9, 8, 8, 3), 200, np.uint8)
    name, shows = row_sheet(bench, "rows", [("given", dark), ("measured", light)])
    with Image.open(bench.images / name) as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (16, COLUMNS * 8, 3)
    assert pixels[:8].max() == 0
    assert pixels[8:].min() == 200
    assert shows == "Rows: given, measured"
