"""Parameter declarations become controls, and controls become a request again, always by name.

`contracts.request` declares each parameter once (title, help, range, default). A `Form` holds one
control per parameter of a tab, so that nothing ever depends on the order of widgets.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.request import PARAMETERS, GenerationRequest, limits
from webui.services.catalog import Catalog
from webui.ui.scripts import on_mount

PLACEHOLDERS: Mapping[str, str] = {
    "prompt": "a red house on the left, green meadow with mountains at sunset",
    "negative_prompt": "what to stay away from (optional)",
}

EMPTY_MEANS: Mapping[str, str] = {"img2img": "as the image", "inpaint": "as the picture"}
"""What an empty width or height stands for, in the tabs where it is not the model's own."""

SLOTS = (
    "image", "mask", "class_map", "depth_map", "boxes", "controls", "loras", "styles", "class_label",
    "regions", "extensions", "plot",
)  # fmt: skip
"""Parameters whose controls are the page's own: an id of an image, a list, a name."""


MENUS: Mapping[str, Sequence[tuple[str, str]]] = {
    "priority": (("First", "High"), ("Normal", "Normal"), ("Background", "Low")),
}
"""Menus that say choices in other words, or not all of them; title and value."""

SIZES = ("width", "height")

BESIDE: Mapping[str, str] = {
    "noise_augmentation": "takes_noise", "image_guidance_scale": "task:edit",
}  # fmt: skip
"""Controls that the page shows beside models with a property, or of a task, alone."""

NOT_ORDERED = ("plot",)
"""Controls whose values are no part of what Generate orders."""


@dataclass(frozen=True)
class Form:
    """The controls of one tab, by the name of the parameter that each one sets."""

    tab: str
    """Name of the tab, and first part of its controls' element ids."""
    controls: Mapping[str, Component]
    """Parameter name to control, in the order of the form."""
    tasks: tuple[Task, ...] = ("text",)
    """Tasks of the models that it offers; those of the first stand first."""

    fast_first: bool = False
    """Whether models that suit few steps stand before others."""

    def models(self, catalog: Catalog) -> list[CheckpointInfo]:
        """The installed models that it can be used with."""
        found = [info for task in self.tasks for info in catalog.models(task)]
        return sorted(found, key=_usual_steps) if self.fast_first else found

    def first_model(self, catalog: Catalog) -> CheckpointInfo | None:
        """The model that it begins with: the program's own choice, where that would stand first."""
        models, usual = self.models(catalog), catalog.default()
        if usual is not None and usual in models and not self.fast_first:
            return usual if usual.task == models[0].task else models[0]
        return models[0] if models else None

    def describe(self) -> list[dict[str, Any]]:
        """What the page's script needs of each control, by its name, element, title and so on."""
        return [
            {
                "name": name,
                "element": element_id(self.tab, name),
                "title": PARAMETERS[name].title,
                "help": PARAMETERS[name].help,
                "default": _begins_with(name, control),
                "fold": _fold_of(control),
                "beside": BESIDE.get(name),
            }
            for name, control in self.controls.items()
        ]

    def values(self, data: Mapping[Component, Any]) -> dict[str, Any]:
        """The request's fields, read from what Gradio hands a handler whose inputs are a set.

        Empty fields are left out, so that the request's own default holds; Gradio makes '' of a
        control of our own that was emptied.
        """
        read = {name: data[control] for name, control in self.controls.items()}
        return {
            name: value
            for name, value in read.items()
            if name not in NOT_ORDERED and not _is_empty(name, value)
        }

    def updates(
        self, values: Mapping[str, Any], models: Sequence[CheckpointInfo]
    ) -> dict[Component, Any]:
        """Changes that bring the given values into the controls; other controls stay.

        Values may be years old or come from another machine: unknown names and impossible choices
        are dropped, and a slider widens for a value beyond its usual end.
        """
        changes = {
            control: _update(name, control, values[name])
            for name, control in self.controls.items()
            if name in values and _usable(name, values[name], models)
        }
        return {control: change for control, change in changes.items() if change is not None}


def _begins_with(name: str, control: Component) -> Any:
    """What a field's control has at first: a tab may begin a number elsewhere than requests do."""
    number = isinstance(control, gr.Slider) and not isinstance(control.value, str)
    return control.value if number else default(name)


def control(
    tab: str, name: str, models: Sequence[CheckpointInfo] = (), networks: Sequence[str] = ()
) -> Component:
    """The control for a parameter, made from its declaration and from what menus offer."""
    declared = PARAMETERS[name]
    common: dict[str, Any] = {
        "label": declared.title,
        "value": default(name),
        "elem_id": element_id(tab, name),
        "elem_classes": ["ez-control"],
    }
    if declared.lines is not None:
        lines, most = declared.lines
        hint = PLACEHOLDERS.get(name, declared.empty)
        return gr.Textbox(lines=lines, max_lines=most, placeholder=hint, **common)
    if name == "model":
        first = models[0].id if models else None
        return gr.Dropdown(model_choices(models), **{**common, "value": first})
    if declared.names_model:
        return gr.Dropdown([("none", ""), *model_choices(models)], **common)
    if declared.names_adapter:
        # What was installed since the page was built can be typed.
        names = [*declared.choices, *networks]
        return gr.Dropdown(names, allow_custom_value=True, **common)
    if declared.choices:
        return gr.Dropdown(list(MENUS.get(name, declared.choices)), **common)
    if isinstance(default(name), bool):
        return gr.Checkbox(**common)
    if default(name) is None:
        return _number_or_empty(tab, name)
    if _is_slider(name):
        return gr.Slider(_start(name), _end(name), step=declared.step, buttons=[], **common)
    low, high = limits(name)
    whole = 0 if isinstance(default(name), int) else None
    return gr.Number(
        minimum=low, maximum=high, step=declared.step, precision=whole, min_width=80, **common
    )


def default(name: str) -> Any:
    """The request's own default of a field; '' for the prompt, which has none."""
    field = GenerationRequest.model_fields[name]
    return "" if field.is_required() else field.default


def element_id(tab: str, name: str) -> str:
    """Stable id of a control in the page: 'txt2img-steps'."""
    return f"{tab}-{name}"


def model_choices(models: Iterable[CheckpointInfo]) -> list[tuple[str, str]]:
    """Menu entries; the title is shown, the id is meant."""
    return [(info.title, str(info.id)) for info in models]


def stamp() -> str:
    """Something that differs each time, so that two equal answers are still two events."""
    return str(time.time_ns())


def _fold_of(control: Component) -> str | None:
    """Id of the folded group that a control lies in."""
    within = control.parent
    while within is not None and not isinstance(within, gr.Accordion):
        within = within.parent
    return None if within is None else within.elem_id


def _number_or_empty(tab: str, name: str) -> gr.HTML:
    """A number that may be empty, which `gr.Number` would turn into 0 when it appears."""
    declared, (low, high) = PARAMETERS[name], limits(name)
    return gr.HTML(
        value=None,
        html_template='<label class="ez-number"><span></span><input type="number"></label>',
        js_on_load=on_mount(
            "number",
            title=declared.title,
            placeholder=EMPTY_MEANS.get(tab, "model's own") if name in SIZES else declared.empty,
            low=low,
            high=high,
            step=declared.step,
        ),
        elem_id=element_id(tab, name),
        elem_classes=["ez-control"],
        apply_default_css=False,
    )


def _is_empty(name: str, value: Any) -> bool:
    return value is None or (value == "" and not isinstance(default(name), str))


def _usual_steps(model: CheckpointInfo) -> float:
    steps = dict(model.defaults).get("steps", default("steps"))
    return float(steps)


def _is_slider(name: str) -> bool:
    low, high = limits(name)
    return PARAMETERS[name].soft_maximum is not None or (low, high) == (0.0, 1.0)


def _start(name: str) -> float:
    soft = PARAMETERS[name].soft_minimum
    low = limits(name)[0]
    return soft if soft is not None else (low if low is not None else 0)


def _end(name: str) -> float:
    soft = PARAMETERS[name].soft_maximum
    high = limits(name)[1]
    return soft if soft is not None else (high if high is not None else 1)


def _usable(name: str, value: Any, models: Sequence[CheckpointInfo]) -> bool:
    if PARAMETERS[name].names_model and value == "":
        return True
    if name == "model" or PARAMETERS[name].names_model:
        return value in {info.id for info in models}
    if name in MENUS:
        return value in dict(MENUS[name]).values()
    if PARAMETERS[name].choices:
        declared = PARAMETERS[name]
        elsewhere = declared.names_adapter is not None or declared.extensible
        return (elsewhere and "/" in str(value)) or value in declared.choices
    if isinstance(default(name), bool):
        return isinstance(value, bool)
    if name in SLOTS:
        return value is None or isinstance(value, (str, list, dict))
    if PARAMETERS[name].lines is not None:
        return isinstance(value, str)
    low, high = limits(name)
    if value is None:
        return default(name) is None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def _update(name: str, target: Component, value: Any) -> Any:
    if isinstance(target, gr.Slider):
        return gr.update(value=value, maximum=max(_end(name), value))
    return gr.update(value=value)
