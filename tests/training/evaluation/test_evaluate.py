"""Every kind of model, tiny and random, measured by the command's own functions."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from webui.contracts.errors import NotAModel
from webui.training import evaluate as command
from webui.training.evaluate import READERS, evaluate, installed, measure, timed
from webui.training.evaluation import curves, upscale
from webui.training.evaluation.figures import Figure, Section, Table, load_section, save_section
from webui.training.evaluation.measures import TIME
from webui.training.evaluation.workbench import Workbench


def _measured(bench: Workbench, name: str) -> Section:
    docs = bench.models.parent / "docs"
    section = measure(bench, name, docs / "starter-models.md", docs / "first-stages.json")
    assert repr(load_section(bench.models / name)) == repr(section)  # NaN is not itself
    assert section.conditions in (docs / "starter-models.md").read_text("utf-8")
    for file, _ in section.pictures:
        assert (bench.images / file).read_bytes().startswith(b"\x89PNG")
    for table in section.tables:
        for figure in table.figures:
            assert len(figure.values) == len(table.headings)
            assert not any(math.isinf(value) for value in figure.values if figure.unit != "dB")
    return section


KINDS = (
    "turbo", "inpaint", "semantic", "layout", "depth", "upscale",
    "controlnet-edges", "controlnet-classes", "loras",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_measured_beside_a_baseline_and_with_its_samples(
    bench: Workbench, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upscale, "SIDE", 64)
    section = _measured(bench, f"starter/{kind}")
    first = section.tables[0]
    assert len(first.headings) >= 3
    assert all(figure.samples > 0 for figure in first.figures[:1])
    figures = [figure for table in section.tables for figure in table.figures]
    assert len({figure.values[0] for figure in figures}) > 1


def test_only_the_seconds_are_measured_anew(bench: Workbench) -> None:
    name = "starter/semantic"
    before = evaluate(bench, name)
    late = Table(TIME, ("measured",), (Figure("one picture", "s", (99.0,), 3),))
    told = tuple(late if table.title == TIME else table for table in before.tables)
    save_section(replace(before, tables=told), bench.models / name)
    after = timed(bench, name)
    assert repr(after.tables[:-1]) == repr(before.tables[:-1])
    assert 0 < after.tables[-1].figures[0].values[0] < 99
    assert after.pictures == before.pictures


def test_a_text_model_is_measured_in_every_way_and_its_card_says_so(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "GUIDANCE_SCALES", (1.0, 5.0))
    monkeypatch.setattr(curves, "STEPS", (1, 2))
    section = _measured(bench, "starter/text")
    assert [table.title for table in section.tables] == [
        "stated fact", "all stated facts, by style", "a bare class name as the prompt",
        "all pictures", "guidance scale", "steps", "first stage", "time",
    ]  # fmt: skip
    card = (bench.models / "starter" / "text" / "README.md").read_text("utf-8")
    assert "Not yet." not in card
    assert "| stated fact | measured | true pictures |" in card


def test_the_readers_are_measured_as_a_section_of_their_own(bench: Workbench) -> None:
    section = _measured(bench, READERS)
    assert section.tables[-1].figures[0].what == "mean over the classes"


def test_pixels_outside_of_holes_stay_as_they_were(bench: Workbench) -> None:
    section = _measured(bench, "starter/inpaint")
    outside = next(table for table in section.tables if table.title == "outside the hole")
    assert outside.figures[0].values == (0.0, 0.0)


def test_all_that_is_installed_is_found_in_the_order_of_the_document(bench: Workbench) -> None:
    assert installed(bench.models) == [
        "starter/text", *(f"starter/{kind}" for kind in KINDS), READERS
    ]  # fmt: skip


def test_a_folder_that_is_neither_model_nor_controlnet_is_refused(
    bench: Workbench, tmp_path: Path
) -> None:
    (bench.models / "other").mkdir(exist_ok=True)
    (bench.models / "other" / "config.json").write_text("{}")
    with pytest.raises(NotAModel, match="neither a model nor a controlnet"):
        evaluate(bench, "other")


def test_a_model_that_is_not_there_ends_the_command_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        command.main(["starter/nonsense"])
    assert "there is no model 'starter/nonsense'" in capsys.readouterr().err
