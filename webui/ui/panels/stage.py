"""The stage: preview, progress, results and their actions; one for all work tabs.

It is a component of our own. Python only tells it which job was accepted, or why none was;
everything that moves comes to it from `/api/v1/jobs/{id}/events`, without Gradio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.errors import EaselError, InvalidField
from webui.contracts.request import PARAMETERS, parse_request
from webui.services.jobs import JobService
from webui.ui.forms import Form, stamp
from webui.ui.samples import Sample
from webui.ui.scripts import on_mount

_log = logging.getLogger(__name__)

Needs = Mapping[tuple[str, ...], str]

NO_IMAGE = "The start image is missing. Drop, paste or choose a picture first."
NO_PICTURE = "The canvas has no picture. Drop, paste or choose one first."
NO_MASK = (
    "The mask is empty. Paint over the part of the picture that is to be redrawn, or draw the picture on "
    "beyond its sides: choose the frame and drag it outwards."
)


def stage_panel(samples: Sequence[Sample]) -> gr.HTML:
    """The component; its value is the last answer of `submit_handler`."""
    return gr.HTML(
        value=None,
        html_template='<section class="ez-stage" aria-label="Stage"></section>',
        js_on_load=on_mount("stage", samples=[sample.as_json() for sample in samples]),
        elem_id="ez-stage",
        apply_default_css=False,
    )


def submit_handler(
    form: Form,
    jobs: JobService,
    needs: Needs | None = None,
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Callable[[Mapping[Component, Any]], dict[str, Any]]:
    """What Generate does: hand the form's request to the queue and answer at once.

    The answer is `{"job": id, "tab": ..., "stamp": ...}`, or `{"error": {...}, "stamp": ...}` with
    sentences for an error card. The form is never changed.

    Args:
        form: Whose values are read.
        jobs: Takes the request.
        needs: Fields to the sentence that is said where the form has nothing for any of them.
        prepare: Makes a request's fields of the form's values.
    """

    def submit(data: Mapping[Component, Any]) -> dict[str, Any]:
        values = prepare(form.values(data))
        missing = [said for names, said in (needs or {}).items() if not any(map(values.get, names))]
        if missing:
            return refusal(missing[:1])
        try:
            job = jobs.submit(parse_request(values))
        except InvalidField as error:
            return refusal([_in_titles(p.field, str(p)) for p in error.problems])
        except EaselError as error:
            return refusal([str(error)])
        except Exception:  # noqa: BLE001  the border: whatever happens, the form must stay
            _log.exception("Generate failed for the values %r", values)
            return refusal(["Easel met a fault of its own; its log has the details."])
        return {"job": job.id, "tab": form.tab, "stamp": stamp()}

    return submit


def refusal(sentences: Sequence[str]) -> dict[str, Any]:
    """An answer that the stage shows as an error card."""
    return {"error": {"title": "Not started", "sentences": list(sentences)}, "stamp": stamp()}


def _in_titles(field: str, sentence: str) -> str:
    """Name a field as the form's label does: 'Guidance scale', not 'guidance_scale'."""
    title = PARAMETERS[field].title if field in PARAMETERS else field
    return title + sentence[len(field) :] if sentence.startswith(field) else sentence
