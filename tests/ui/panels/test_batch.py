"""The batch of a form: its settings and a list of images become one job each."""

from __future__ import annotations

import io
from typing import Any

import gradio as gr
from PIL import Image

from webui.contracts.ids import BatchId
from webui.ui.context import UiContext
from webui.ui.forms import Form, control, default
from webui.ui.panels.batch import batch_handler
from webui.ui.panels.image import image_panel

NAMES = ("prompt", "model", "steps", "seed")


def answer_to(context: UiContext, given: dict[str, Any], **values: Any) -> dict[str, Any]:
    with gr.Blocks():
        controls = {name: control("img2img", name, context.catalog.models()) for name in NAMES}
        form = Form("img2img", {**controls, "image": image_panel("img2img")})
        images = gr.HTML()
    handler = batch_handler(form, context.batches, images, dict)
    return handler(
        {images: given, **{c: values.get(n, default(n)) for n, c in form.controls.items()}}
    )


def uploaded(context: UiContext, shade: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 0, 0)).save(file, "PNG")
    return context.images.put(file.getvalue())


def test_the_forms_settings_go_to_each_image_and_its_own_image_to_none(context: UiContext) -> None:
    wells, first, second = (uploaded(context, shade) for shade in (1, 2, 3))
    given = {"images": [{"image": first, "name": "a.png"}, {"image": second, "own": {"seed": 9}}]}
    answer = answer_to(context, given, prompt="a lake", steps=4, seed=3, image=wells)
    jobs = context.jobs.of_batch(BatchId(answer["batch"]))
    assert [(j.request.image, j.request.seed) for j in jobs] == [(first, 3), (second, 9)]
    assert {(j.request.prompt, j.request.steps) for j in jobs} == {("a lake", 4)}
    assert (answer["refused"], answer["tab"]) == ([], "img2img")


def test_an_image_that_cannot_be_used_is_told_beside_the_batch(context: UiContext) -> None:
    given = {"images": [{"image": uploaded(context, 1)}, {"image": "0" * 64, "name": "b.png"}]}
    answer = answer_to(context, given, prompt="a lake")
    assert [one["name"] for one in answer["refused"]] == ["b.png"]


def test_a_bad_setting_is_said_once_in_the_forms_words(context: UiContext) -> None:
    given = {"images": [{"image": uploaded(context, 1)}] * 3}
    answer = answer_to(context, given, prompt="a lake", steps=0)
    (sentence,) = answer["error"]["sentences"]
    assert sentence.startswith("Steps is 0, expected")


def test_what_is_no_list_of_images_is_refused(context: UiContext) -> None:
    answer = answer_to(context, {"images": [{"picture": "x"}]}, prompt="a lake")
    assert "images.0" in answer["error"]["sentences"][0]
