"""Generate and Cancel, always in sight, and the bridge between a form and the page's script.

The *bridge* is an invisible component through which the script hands a form values by name: what
was kept in the browser, a picture's parameters, a sample. `input` fills; `submit` fills and starts;
`select` tells the script all values, which it asks for whenever something happens in the form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import DEFAULTED, CheckpointInfo
from webui.contracts.request import PARAMETERS
from webui.services.catalog import Catalog
from webui.ui.context import UiContext
from webui.ui.forms import Form, default, model_choices
from webui.ui.scripts import call, on_mount, read_again

Submit = Callable[[Mapping[Component, Any]], dict[str, Any]]


def actions_panel(form: Form, submit: Submit, stage: gr.HTML, context: UiContext) -> None:
    """Add the buttons and the bridge of a form, and wire them."""
    catalog = context.catalog
    with gr.Row(elem_classes=["ez-actions-bar"], elem_id=f"{form.tab}-bar"):
        generate = gr.Button("Generate", variant="primary", elem_id=f"{form.tab}-generate")
        cancel = gr.Button("Cancel", elem_id=f"{form.tab}-cancel", elem_classes=["ez-cancel"])
    bridge = _bridge(form)
    everything: set[Any] = set(form.controls.values())
    outputs = list(form.controls.values())
    fill = fill_handler(form, catalog, context.extensions.studio.choices)

    # What the page's own controls hold may not be on the server yet: it is when `settled` ends.
    generate.click(None, js=call("settled", "settled", form.tab), trigger_mode="multiple").then(
        submit, everything, [stage], queue=False, show_progress="hidden", trigger_mode="multiple"
    )
    cancel.click(None, js=call("store", "cancelShown"))
    # Gradio tells each output how far a handler is, unless one is named that shows it.
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "show_progress_on": bridge}
    bridge.input(fill, [bridge], outputs, **quiet).success(
        None, inputs=outputs, js=call("form", "filled", form.tab), show_progress="hidden"
    )
    filled = bridge.submit(fill, [bridge], outputs, **quiet)
    filled.then(submit, everything, [stage], queue=False, show_progress="hidden")
    suited = form.controls["model"].input(  # type: ignore[attr-defined]
        suit_handler(form, catalog), everything, outputs, **quiet
    )
    for event in (filled, suited):
        read_again(event, form.tab)
    # One listener: with one on each control, Gradio looks for all of them at every start and every key.
    bridge.select(
        None,
        inputs=outputs,
        js=call("form", "changed", form.tab),
        show_progress="hidden",
        trigger_mode="multiple",
    )


def fill_handler(
    form: Form, catalog: Catalog, offered: Callable[[str], Sequence[str]] = lambda _: ()
) -> Callable[[Any], dict[Component, Any]]:
    """What the bridge does: validated changes for the values it was given, by name.

    Menus of models and of what extensions offer (`offered`, by parameter) are read afresh each time, so
    that what was added since the start is in them. A model that comes without the fields it has an
    opinion on brings that opinion along.
    """

    def fill(payload: Any) -> dict[Component, Any]:
        given = payload.get("values", {}) if isinstance(payload, dict) else {}
        values = given if isinstance(given, dict) else {}
        models = form.models(catalog)
        begun = form.first_model(catalog)
        first = None if begun is None else str(begun.id)
        restoring = isinstance(payload, dict) and bool(payload.get("restore"))
        known = values.get("model") in {info.id for info in models}
        suggested = _defaults_of(values.get("model") if known or not restoring else first, models)
        changes = form.updates({**suggested, **values}, models)
        menu = form.controls["model"]
        wanted = changes.get(menu, {}).get("value")
        chosen = {"value": wanted} if wanted is not None else {}
        if wanted is None and restoring:
            chosen = {"value": first}
        changes |= _menus(form, changes, offered, catalog)
        return {**changes, menu: gr.update(choices=model_choices(models), **chosen)}

    return fill


def _menus(
    form: Form,
    changes: Mapping[Component, Any],
    offered: Callable[[str], Sequence[str]],
    catalog: Catalog,
) -> dict[Component, Any]:
    """The menus that extensions add to; in place of a value that none offers any more comes the usual one."""
    menus: dict[Component, Any] = {}
    for name, control in form.controls.items():
        if PARAMETERS[name].extensible:
            choices = [*PARAMETERS[name].choices, *offered(name)]
            if (kind := PARAMETERS[name].names_adapter) is not None:
                choices += [str(info.id) for info in catalog.adapters(kind)]
            menus[control] = gr.update(choices=choices)
            if control in changes:
                value = changes[control]["value"]
                menus[control]["value"] = value if value in choices else default(name)
    return menus


def suit_handler(
    form: Form, catalog: Catalog
) -> Callable[[Mapping[Component, Any]], dict[Component, Any]]:
    """What choosing a model does: fields that nobody set take the values that suit it.

    A field counts as set when its value is neither the request's default nor one that some model
    suggests; so a chosen number of steps stays, and leaving a fast model undoes its few steps.
    """

    def suit(data: Mapping[Component, Any]) -> dict[Component, Any]:
        values = form.values(data)
        models = form.models(catalog)
        suiting = _defaults_of(values.get("model"), models)
        free = [name for name in DEFAULTED if values.get(name) in _suggestions(name, models)]
        return form.updates({name: suiting.get(name, default(name)) for name in free}, models)

    return suit


def _defaults_of(model: Any, models: Sequence[CheckpointInfo]) -> dict[str, Any]:
    return next((dict(info.defaults) for info in models if info.id == model), {})


def _suggestions(name: str, models: Sequence[CheckpointInfo]) -> set[Any]:
    suggested = {dict(info.defaults)[name] for info in models if name in dict(info.defaults)}
    return {default(name), *suggested}


def _bridge(form: Form) -> gr.HTML:
    return gr.HTML(
        value=None,
        html_template="<span></span>",
        js_on_load=on_mount("form", tab=form.tab, fields=form.describe()),
        elem_id=f"{form.tab}-bridge",
        elem_classes=["ez-bridge"],
        apply_default_css=False,
    )
