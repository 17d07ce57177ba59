"""A distilled model: what few steps without guidance lose against the model it learned from."""

from __future__ import annotations

from webui.engine.model import LoadedModel
from webui.training.evaluation.figures import Section, compare
from webui.training.evaluation.measures import fact_measures, frechet_measure, speed
from webui.training.evaluation.sheets import prompt_sheet
from webui.training.evaluation.workbench import TEXT_MODEL, Workbench


def evaluate_turbo(bench: Workbench, model: LoadedModel) -> Section:
    """Measure a few-step model at its own settings beside the text model at many and at as few."""
    size = model.checkpoint.native_width
    asked, own = bench.unseen(size), bench.request(model, "", 0)
    teacher = bench.request(bench.load(TEXT_MODEL), "", 0)
    made = bench.draw_captions(model, asked)
    hurried = bench.from_text_alone(size, steps=own.steps)
    subjects = {
        "measured": bench.look(made),
        f"text model, {teacher.steps} steps": bench.look(bench.from_text_alone(size)),
        f"text model, {own.steps} steps": bench.look(hurried),
        "true pictures": bench.look(asked.pictures),
    }
    measures = [*fact_measures(asked), frechet_measure(bench, size, len(asked))]
    tables = (
        compare("stated fact", measures, subjects),
        speed(bench, model, "at most 0.7 s on two cores"),
    )
    text = (
        f"{bench.prompts} captions of unseen scenes, {own.steps} steps with {own.sampler}, guidance "
        f"scale {own.guidance_scale:g}, {size}x{size}; the text model with DPM++ 2M at guidance "
        f"scale {teacher.guidance_scale:g}."
    )
    return Section("Turbo (few steps)", text, tables, (prompt_sheet(bench, model, "turbo"),))
