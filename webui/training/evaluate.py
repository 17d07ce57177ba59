"""How good the starter models are: `python launch.py evaluate [model]`.

Every model is measured against truth, against a baseline and with the number of samples; the
figures go to `evaluation.json` beside the model, into its card, and into docs/starter-models.md.
Without a model, all of the starter models that are there are measured, and the readers too.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId, ModelId
from webui.engine.model import LoadedModel
from webui.services.adapter_files import CONFIG_FILE, describe_controlnet
from webui.services.adapter_kinds import LORA_FOLDERS
from webui.services.diffusers_folder import INDEX_FILE
from webui.services.lora_files import describe_lora
from webui.services.segmenter_files import describe_segmenter_folder
from webui.training.command import REPOSITORY, STARTER
from webui.training.evaluation.controls import evaluate_control
from webui.training.evaluation.figures import (
    Section,
    load_section,
    save_section,
    section_markdown,
)
from webui.training.evaluation.inpaint import evaluate_inpaint
from webui.training.evaluation.layout import evaluate_layout
from webui.training.evaluation.loras import evaluate_loras
from webui.training.evaluation.maps import evaluate_depth, evaluate_semantic
from webui.training.evaluation.measures import TIME
from webui.training.evaluation.readers import evaluate_readers
from webui.training.evaluation.report import ORDER, write_report
from webui.training.evaluation.segformer import evaluate_segformer
from webui.training.evaluation.text import evaluate_text
from webui.training.evaluation.turbo import evaluate_turbo
from webui.training.evaluation.upscale import evaluate_upscale
from webui.training.evaluation.workbench import HowDrawn, Readers, Workbench
from webui.training.export import write_table
from webui.training.judge import load_judge
from webui.training.segmenter import load_segmenter

log = logging.getLogger(__name__)

MODELS = STARTER.parent
JUDGE_FILE, SEGMENTER_FILE = STARTER / "judge.safetensors", STARTER / "segmenter.safetensors"
DOCUMENT = REPOSITORY / "docs" / "starter-models.md"
FIRST_STAGES = REPOSITORY / "docs" / "first-stages.json"
FEW = 8
"""Prompts of an evaluation of which only the seconds are wanted."""
READERS = "starter"
"""In the place of a model: the judge and the segmenter, which lie in this folder itself."""

EVALUATIONS: dict[str, Callable[[Workbench, LoadedModel], Section]] = {
    "text": evaluate_text,
    "turbo": evaluate_turbo,
    "inpaint": evaluate_inpaint,
    "semantic": evaluate_semantic,
    "layout": evaluate_layout,
    "depth": evaluate_depth,
    "upscale": evaluate_upscale,
}
"""By what a model was made for; 'turbo' is a text model with a few-step sampler of its own."""


def evaluate(bench: Workbench, name: str) -> Section:
    """Measure a model, a controlnet, a folder of LoRAs or the readers, by its path below the models.

    Raises:
        NotAModel: it is of no family that we know.
        BrokenModel: its files are damaged.
    """
    if name == READERS:
        return evaluate_readers(bench)
    folder = bench.models / name
    if folder.name in LORA_FOLDERS:
        files = sorted(folder.glob("*.safetensors"))
        loras = [describe_lora(file, AdapterId(f"{name}/{file.stem}")) for file in files]
        return evaluate_loras(bench, loras)
    if not (folder / INDEX_FILE).exists():
        if describe_segmenter_folder(folder, AdapterId(name)) is not None:
            return evaluate_segformer(bench, name)
        adapter = describe_controlnet(folder, AdapterId(name))
        if adapter is None:
            raise NotAModel(f"{str(folder)!r} holds neither a model nor a controlnet.")
        return evaluate_control(bench, adapter)
    model = bench.load(ModelId(name))
    defaults = dict(model.checkpoint.defaults)
    kind = "turbo" if defaults.get("sampler") == "LCM" else model.checkpoint.task
    return EVALUATIONS[kind](bench, model)


def installed(models: Path) -> list[str]:
    """What can be measured of the starter: models, controlnets, readers, in the document's order."""
    found = [name for name in ORDER if _is_measurable(models / "starter" / name)]
    return [*(f"starter/{name}" for name in found), READERS]


def _is_measurable(folder: Path) -> bool:
    if folder.name in LORA_FOLDERS:
        return any(folder.glob("*.safetensors"))
    return (folder / INDEX_FILE).exists() or (folder / CONFIG_FILE).exists()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure on this machine, print the tables, and write them where they belong."""
    parser = argparse.ArgumentParser(prog="launch.py evaluate", description=__doc__)
    parser.add_argument("model", nargs="?", help="its path below models/; 'starter': the readers")
    parser.add_argument("--prompts", type=int, default=500)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance-scale", type=float, default=5.0)
    parser.add_argument(
        "--time",
        action="store_true",
        help="only the seconds of a picture, for they depend on what else runs; other figures stay",
    )
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    names = [chosen.model] if chosen.model else installed(MODELS)
    for name in names:
        if name != READERS and not _is_measurable(MODELS / name):
            parser.error(f"there is no model {name!r} in {MODELS}; see: python launch.py models")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    readers = Readers(load_judge(JUDGE_FILE).to(device), load_segmenter(SEGMENTER_FILE).to(device))
    how = HowDrawn(chosen.steps, chosen.guidance_scale)
    with tempfile.TemporaryDirectory(prefix="easel-evaluate-") as scratch:
        bench = Workbench(
            readers, MODELS, REPOSITORY / "docs" / "images", Path(scratch), chosen.prompts, how
        )
        for name in names:
            measure(bench, name, DOCUMENT, FIRST_STAGES, timed if chosen.time else evaluate)
    return 0


def timed(bench: Workbench, name: str) -> Section:
    """What was measured before, with its seconds measured anew; all of it where nothing was."""
    known = load_section(bench.models / name)
    if known is None:
        return evaluate(bench, name)
    if all(table.title != TIME for table in known.tables):
        return known
    few = replace(bench, prompts=FEW, images=bench.scratch, _kept={})
    found = {table.title: table for table in evaluate(few, name).tables}
    tables = (found.get(t.title, t) if t.title == TIME else t for t in known.tables)
    return replace(known, tables=tuple(tables))


def measure(
    bench: Workbench,
    name: str,
    document: Path,
    first_stages: Path,
    by: Callable[[Workbench, str], Section] = evaluate,
) -> Section:
    """Measure one model, print it, and rewrite what tells of it."""
    started, folder = time.perf_counter(), bench.models / name
    section = by(bench, name)
    save_section(section, folder)
    _tell_card(section, folder)
    write_report(bench.models / "starter", document, first_stages)
    print(f"## {section.title}: {name}\n\n{section_markdown(section, None)}")
    log.info("%s took %.0f s", name, time.perf_counter() - started)
    return section


def _tell_card(section: Section, folder: Path) -> None:
    """Put the tables into the model's card, where there is one with a place for them."""
    if not (folder / "README.md").exists():
        return
    try:
        write_table(folder, section_markdown(section, None))
    except ValueError as error:
        log.warning("%s", error)


if __name__ == "__main__":
    raise SystemExit(main())
