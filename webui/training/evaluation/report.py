"""`docs/starter-models.md`, put together from the sections beside the models."""

from __future__ import annotations

from pathlib import Path

from webui.training.evaluation.figures import (
    Section,
    load_section,
    section_markdown,
    table_markdown,
)
from webui.training.evaluation.first_stages import first_stage_table, load_runs

ORDER = (
    "text", "turbo", "inpaint", "semantic", "layout", "depth", "upscale",
    "controlnet-edges", "controlnet-classes", "loras",
    "segformer",
)  # fmt: skip
"""Folders below models/starter, in the order of the document; others follow by name."""

_HEAD = """\
# The starter models, measured

Written by `python launch.py evaluate [model]`; evaluating one model rewrites its section only. Everything is
drawn by the engine as any user's job is, for scenes that nothing was trained on. Beside each figure stand
what the same measure gives for true pictures (its ceiling), what a baseline gets, and the number of samples.
Two small networks read the pictures, a judge and a segmenter; how well they read is in the last section.
Bars are what a model trained by the CPU recipe, or by the GPU recipe, should reach.
"""


def write_report(starter: Path, document: Path, first_stages: Path) -> None:
    """Put together the document from the sections beside the models in `starter`.

    Args:
        starter: `models/starter`.
        document: `docs/starter-models.md`.
        first_stages: `docs/first-stages.json`; left out where there is none.
    """
    parts = [_HEAD]
    folders = [path.name for path in sorted(starter.iterdir()) if path.is_dir()]
    for name in (*ORDER, *(name for name in folders if name not in ORDER)):
        section = load_section(starter / name)
        if section is not None:
            parts.append(_chapter(f"{section.title}: `starter/{name}`", section))
    runs = load_runs(first_stages)
    if runs:
        parts.append("## First stages\n\n" + FIRST_STAGES + table_markdown(first_stage_table(runs)))
    readers = load_section(starter)
    if readers is not None:
        parts.append(_chapter(readers.title, readers))
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text("\n".join(parts), encoding="utf-8")


FIRST_STAGES = """\
Factors and regularisers of the first stage, on unseen scenes (paper, tables 8 and 9 in small). The cheap ones
differ in nothing but their factor and had the same time; the others are those that the models use.

"""


def _chapter(title: str, section: Section) -> str:
    return f"## {title}\n\n{section_markdown(section, 'images')}"
