"""Figures, their files and their Markdown."""

import math
from pathlib import Path

from webui.training.evaluation.figures import (
    Figure,
    Measure,
    Section,
    Table,
    as_text,
    bars,
    compare,
    load_section,
    save_section,
    section_markdown,
    table_markdown,
)

TABLE = Table(
    "fact",
    ("measured", "true pictures"),
    (
        Figure("colour", "%", (0.871, 1.0), 480, bars(0.85, 0.95)),
        Figure("none", "%", (math.nan, 1.0), 0),
    ),
)
SECTION = Section("Text", "500 captions.", (TABLE,), (("starter-text.png", "Samples"),))


def test_every_measure_is_taken_of_every_subject() -> None:
    measures: list[Measure[list[float]]] = [Measure("sum", "", sum, 3), Measure("most", "", max, 3)]
    table = compare("numbers", measures, {"a": [1.0, 2.0, 6.0], "b": [0.0, 0.0, 0.0]})
    assert table.headings == ("a", "b")
    assert [figure.values for figure in table.figures] == [(9.0, 0.0), (6.0, 0.0)]


def test_numbers_come_with_their_units() -> None:
    said = [as_text(0.8714, "%"), as_text(31.256, "dB"), as_text(2.5, "s"), as_text(3, "levels")]
    assert said == ["87.1%", "31.26 dB", "2.50 s", "3 of 255"]
    assert as_text(3_300_000, "M") == "3.3 M"
    assert as_text(math.inf, "dB") == "equal"


def test_a_table_shows_bars_and_samples() -> None:
    lines = table_markdown(TABLE).splitlines()
    assert lines[0] == "| fact | measured | true pictures | bar (CPU / GPU recipe) | samples |"
    assert lines[2] == "| colour | 87.1% | 100.0% | 85% / 95% | 480 |"
    assert lines[3] == "| none | – | 100.0% |  | 0 |"


def test_a_table_without_bars_has_no_column_for_them() -> None:
    table = Table("time", ("measured",), (Figure("alone", "s", (1.0,), 3),))
    assert "bar" not in table_markdown(table)


def test_a_section_survives_its_file(tmp_path: Path) -> None:
    assert load_section(tmp_path) is None
    save_section(SECTION, tmp_path)
    assert section_markdown(load_section(tmp_path) or SECTION, "images") == section_markdown(
        SECTION, "images"
    )


def test_pictures_are_shown_where_they_can_be_found_only() -> None:
    assert "![Samples](images/starter-text.png)" in section_markdown(SECTION, "images")
    assert "![" not in section_markdown(SECTION, None)
