"""The plot of a form: its settings and what the axes say become one batch; Generate leaves it alone."""

from __future__ import annotations

from typing import Any

import gradio as gr

from webui.contracts.ids import BatchId, JobId
from webui.ui.context import UiContext
from webui.ui.forms import Form, control, default
from webui.ui.panels.plot import plot_handler, plot_panel
from webui.ui.panels.stage import submit_handler

PLOT = {"x": {"axis": "steps", "values": "1-3"}}


def form_of(context: UiContext) -> Form:
    with gr.Blocks():
        names = ("prompt", "model", "steps", "seed")
        controls = {name: control("txt2img", name, context.catalog.models()) for name in names}
        return Form("txt2img", {**controls, **plot_panel("txt2img")})


def said(form: Form, **values: Any) -> dict[Any, Any]:
    return {c: values.get(n, default(n)) for n, c in form.controls.items()}


def test_the_forms_settings_and_the_axes_become_a_batch(context: UiContext) -> None:
    form = form_of(context)
    answer = plot_handler(form, context.plots, dict)(said(form, prompt="a lake", seed=4, plot=PLOT))
    jobs = context.jobs.of_batch(BatchId(answer["plot"]))
    assert [(job.request.steps, job.request.seed) for job in jobs] == [(1, 4), (2, 4), (3, 4)]
    assert {job.request.prompt for job in jobs} == {"a lake"}


def test_what_cannot_be_drawn_is_a_card(context: UiContext) -> None:
    form = form_of(context)
    answer = plot_handler(form, context.plots, dict)(said(form, prompt="a lake"))
    assert "no plot" in answer["error"]["sentences"][0]


def test_generate_draws_one_picture_whatever_the_plot_says(context: UiContext) -> None:
    form = form_of(context)
    answer = submit_handler(form, context.jobs)(said(form, prompt="a lake", plot=PLOT))
    assert context.jobs.get(JobId(answer["job"])).request.plot is None
