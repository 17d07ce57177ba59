"""What a measurement leaves behind: figures in tables, in a section, in a small JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

SECTION_FILE = "evaluation.json"
"""Beside the model that was measured."""

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Figure:
    """One row: the same measure of several subjects."""

    what: str
    unit: str
    """'%', 'dB', 's', 'levels', 'M' or '' for a plain number."""
    values: tuple[float, ...]
    """One a heading of the table."""
    samples: int
    """How many pictures, facts or boxes it was taken over."""
    bar: str = ""
    """What the first value should reach, in words; empty where nothing is asked."""


@dataclass(frozen=True)
class Table:
    """Figures under common headings; the first heading is what is measured."""

    title: str
    headings: tuple[str, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Section:
    """All that was measured of one model."""

    title: str
    conditions: str
    """How it was measured, in a sentence or two."""
    tables: tuple[Table, ...]
    pictures: tuple[tuple[str, str], ...] = ()
    """File name in docs/images, and what it shows."""


@dataclass(frozen=True)
class Measure(Generic[Subject]):
    """A row before it is taken: how to measure a subject."""

    what: str
    unit: str
    of: Callable[[Subject], float]
    samples: int
    bar: str = ""


def compare(
    title: str, measures: Sequence[Measure[Subject]], subjects: Mapping[str, Subject]
) -> Table:
    """Take every measure of every subject; headings are the subjects' names, the first is judged."""
    figures = tuple(
        Figure(m.what, m.unit, tuple(m.of(s) for s in subjects.values()), m.samples, m.bar)
        for m in measures
    )
    return Table(title, tuple(subjects), figures)


def as_text(value: float, unit: str) -> str:
    """A number with its unit, as precise as it deserves."""
    if math.isnan(value):
        return "–"
    if unit == "%":
        return f"{value:.1%}"
    if math.isinf(value):
        return "equal" if unit == "dB" else "∞"
    if unit in ("dB", "s"):
        return f"{value:.2f} {unit}"
    if unit == "levels":
        return f"{value:.0f} of 255"
    if unit == "M":
        return f"{value / 1e6:.1f} M"
    return f"{value:.4g}"


def bars(cpu: float, gpu: float) -> str:
    """The bars of a share, by recipe."""
    return f"{cpu:.0%} / {gpu:.0%}"


def table_markdown(table: Table) -> str:
    """The table as Markdown, with the bars where there are any."""
    with_bars = any(figure.bar for figure in table.figures)
    ends = ["bar (CPU / GPU recipe)"] * with_bars + ["samples"]
    rows = [[table.title, *table.headings, *ends], ["---"] * (1 + len(table.headings) + len(ends))]
    for figure in table.figures:
        values = [as_text(value, figure.unit) for value in figure.values]
        tail = [figure.bar] * with_bars + [str(figure.samples)]
        rows.append([figure.what, *values, *tail])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def section_markdown(section: Section, images: str | None) -> str:
    """Conditions, tables and pictures, without a title.

    Args:
        section: What was measured.
        images: Where the pictures are, seen from the document; None leaves them out.
    """
    parts = [section.conditions + "\n", *(table_markdown(table) for table in section.tables)]
    if images is not None:
        parts += [f"![{shows}]({images}/{file})\n" for file, shows in section.pictures]
    return "\n".join(parts)


def save_section(section: Section, folder: Path) -> None:
    """Write the section beside its model."""
    text = json.dumps(asdict(section), indent=1)
    (folder / SECTION_FILE).write_text(text + "\n", encoding="utf-8")


def load_section(folder: Path) -> Section | None:
    """The section in a model's folder, or None where it was not measured yet."""
    path = folder / SECTION_FILE
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    tables = tuple(
        Table(
            table["title"],
            tuple(table["headings"]),
            tuple(
                Figure(f["what"], f["unit"], tuple(f["values"]), f["samples"], f["bar"])
                for f in table["figures"]
            ),
        )
        for table in kept["tables"]
    )
    pictures = tuple((file, shows) for file, shows in kept["pictures"])
    return Section(kept["title"], kept["conditions"], tables, pictures)
