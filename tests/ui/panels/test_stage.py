from __future__ import annotations

import logging
from typing import Any

import gradio as gr
import pytest

from webui.contracts.job import JobState
from webui.services.jobs import JobService
from webui.ui.context import UiContext
from webui.ui.forms import Form, control, default
from webui.ui.panels.image import image_panel
from webui.ui.panels.stage import NO_IMAGE, submit_handler

NAMES = ("prompt", "model", "sampler", "schedule", "steps", "seed", "count", "width", "height")


def a_form(context: UiContext, tab: str = "txt2img") -> Form:
    with gr.Blocks():
        controls = {name: control(tab, name, context.catalog.models()) for name in NAMES}
        extra = {"image": image_panel(tab)} if tab == "img2img" else {}
    return Form(tab, {**controls, **extra})


def data_of(form: Form, **values: Any) -> dict[Any, Any]:
    return {c: values.get(n, default(n)) for n, c in form.controls.items()}


def test_generate_answers_with_a_queued_job(context: UiContext) -> None:
    form = a_form(context)
    answer = submit_handler(form, context.jobs)(data_of(form, prompt="a lake", seed=7))
    job = context.jobs.get(answer["job"])
    assert job.state is JobState.QUEUED
    assert (job.request.prompt, job.request.seed) == ("a lake", 7)


def test_pressing_generate_again_queues_again(context: UiContext) -> None:
    form = a_form(context)
    submit = submit_handler(form, context.jobs)
    ids = {submit(data_of(form, prompt="a lake"))["job"] for _ in range(3)}
    assert len(ids) == 3


def test_a_bad_value_becomes_sentences_with_the_forms_own_words(context: UiContext) -> None:
    form = a_form(context)
    answer = submit_handler(form, context.jobs)(data_of(form, prompt="a", steps=0, width=100_000))
    sentences = answer["error"]["sentences"]
    assert any(s.startswith("Steps is 0, expected") for s in sentences)
    assert any(s.startswith("Width is 100000, expected") for s in sentences)
    assert context.jobs.list() == ()


def test_img2img_without_an_image_says_so(context: UiContext) -> None:
    form = a_form(context, "img2img")
    answer = submit_handler(form, context.jobs, {("image",): NO_IMAGE})(data_of(form, prompt="a"))
    assert "start image is missing" in answer["error"]["sentences"][0]


def test_an_image_that_is_not_there_is_a_sentence(context: UiContext) -> None:
    form = a_form(context, "img2img")
    submit = submit_handler(form, context.jobs, {("image",): NO_IMAGE})
    answer = submit(data_of(form, prompt="a", image="0" * 64))
    assert answer["error"]["sentences"]


def test_a_fault_of_our_own_is_logged_and_leaves_the_form(
    context: UiContext, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(JobService):
        def __init__(self) -> None:
            pass

        def submit(self, *_: object) -> Any:
            raise RuntimeError("disk on fire")

    form = a_form(context)
    with caplog.at_level(logging.ERROR):
        answer = submit_handler(form, Broken())(data_of(form, prompt="a"))
    assert "fault of its own" in answer["error"]["sentences"][0]
    assert "disk on fire" in caplog.text


def test_two_equal_answers_are_two_events(context: UiContext) -> None:
    form = a_form(context)
    submit = submit_handler(form, context.jobs)
    first, second = (submit(data_of(form, prompt="a", steps=0)) for _ in range(2))
    assert first["stamp"] != second["stamp"]
