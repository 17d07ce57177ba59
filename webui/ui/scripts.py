"""One-line scripts that hand over to the page's own ES modules, so that no logic lives in strings."""

from __future__ import annotations

import json

ASSETS = "/assets/easel"
"""Where `mount.py` serves the folder `assets/`."""


def on_mount(module: str, **options: object) -> str:
    """Script for `gr.HTML(js_on_load=...)`: calls `mount(host, options)` of a module.

    `host` has the component's element, its props, `trigger(event)` and `watch(prop, callback)`.
    """
    return (
        f"import('{ASSETS}/{module}.js').then((m) => m.mount("
        f"{{element, props, trigger, watch}}, {json.dumps(options)}));"
    )


def call(module: str, function: str, *arguments: object) -> str:
    """Script for an event's `js=`: calls a function with fixed arguments, then the inputs."""
    fixed = "".join(json.dumps(argument) + ", " for argument in arguments)
    return (
        f"async (...values) => (await import('{ASSETS}/{module}.js')).{function}({fixed}...values)"
    )
