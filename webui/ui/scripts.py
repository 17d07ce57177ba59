"""One-line scripts that hand over to the page's own ES modules, so that no logic lives in strings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.events import Dependency

ASSETS = "/assets/easel"
"""Where `mount.py` serves the folder `assets/`."""


def _module(name: str) -> str:
    """The expression that imports a module.

    With the page's own origin: Chromium keeps compiled strings of script for all pages of a process, and a bare path
    in one is found at the address of the page that had it first, which may be a studio at another port.
    """
    return f"import(location.origin + '{ASSETS}/{name}.js')"


def on_mount(module: str, **options: object) -> str:
    """Script for `gr.HTML(js_on_load=...)`: calls `mount(host, options)` of a module.

    `host` has the component's element, its props, `trigger(event)` and `watch(prop, callback)`. What a
    component triggers is also an event of its element, `easel:told`, by which a form hears of it.
    """
    return (
        f"{_module(module)}.then((m) => m.mount({{element, props, watch, trigger(event) {{ "
        "trigger(event); element.dispatchEvent(new CustomEvent('easel:told', { bubbles: true })); "
        f"}} }}, {json.dumps(options)}));"
    )


def call(module: str, function: str, *arguments: object) -> str:
    """Script for an event's `js=`: calls a function with fixed arguments, then the inputs."""
    fixed = "".join(json.dumps(argument) + ", " for argument in arguments)
    return f"async (...values) => (await {_module(module)}).{function}({fixed}...values)"


def read_again(event: Dependency, tab: str) -> None:
    """Have a form's script ask for its values once an event has put some into its controls."""
    event.then(None, js=call("form", "readAgain", tab), show_progress="hidden")
