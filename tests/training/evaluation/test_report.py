"""The document of all measurements."""

from dataclasses import replace
from pathlib import Path

from tests.training.evaluation.test_figures import SECTION
from webui.training.evaluation.figures import save_section
from webui.training.evaluation.first_stages import FirstStageRun, record
from webui.training.evaluation.report import write_report


def _written(root: Path) -> str:
    write_report(root / "starter", root / "docs" / "models.md", root / "docs" / "first-stages.json")
    return (root / "docs" / "models.md").read_text("utf-8")


def _keep(root: Path, name: str, title: str, conditions: str) -> None:
    folder = root / "starter" / name
    folder.mkdir(parents=True, exist_ok=True)
    save_section(replace(SECTION, title=title, conditions=conditions), folder)


def test_sections_stand_in_one_order_and_the_readers_last(tmp_path: Path) -> None:
    _keep(tmp_path, "", "The readers", "r")
    _keep(tmp_path, "zebra", "Zebra", "z")
    _keep(tmp_path, "depth", "Depth", "d")
    _keep(tmp_path, "text", "Text", "t")
    headings = [line for line in _written(tmp_path).splitlines() if line.startswith("## ")]
    assert headings == [
        "## Text: `starter/text`",
        "## Depth: `starter/depth`",
        "## Zebra: `starter/zebra`",
        "## The readers",
    ]


def test_measuring_one_model_anew_changes_its_section_only(tmp_path: Path) -> None:
    _keep(tmp_path, "text", "Text", "old words")
    _keep(tmp_path, "depth", "Depth", "other words")
    before = _written(tmp_path)
    _keep(tmp_path, "text", "Text", "new words")
    assert _written(tmp_path) == before.replace("old words", "new words")


def test_first_stages_are_compared_where_there_are_any(tmp_path: Path) -> None:
    _keep(tmp_path, "text", "Text", "t")
    assert "First stages" not in _written(tmp_path)
    run = FirstStageRun("kl-f8", 8, "KL", 4, 3_300_000, 240, 900, 27.1, 0.9, 0.2, 200)
    record(run, tmp_path / "docs" / "first-stages.json")
    assert "| PSNR | 27.10 dB | 200 |" in _written(tmp_path)
