"""All extension points. This file is the whole list; `builtin/` and `extensions/` show each in use.

The signatures themselves stand in `specs_studio.py` and `specs_worker.py`, after the process that calls them.
Each docstring says when it runs, where, what it may change, and what an error does.

An implementation is a function of the same name, marked with `hookimpl`, in the extension's `studio.py`
or `worker.py`, after the process that calls it. It takes any of the arguments named here, by name. It is a plain
function, not `async`, and has to come back: `patience.py` and `engine/endless.py` see to one that does not.

Five kinds:
    collect   every extension is asked; what they give is joined, in order of registration.
    decide    asked from the last registered to the first; the first that gives something wins.
    change    each extension that the request names is given the value and gives one back; None leaves it.
    wrap      each extension that the request names stands around the next: the last is outermost.
    observe   every extension is told, in a thread of its own; what they give is ignored.

`arguments` is the extension's own typed model, filled from `extensions.<name>` of the request. `order`
is the picture as it was asked for, the same in a second pass. What extensions may rely on of the objects
that they are given is listed in `stable.py`; all else may change with any version.
"""

from __future__ import annotations

from collections.abc import Mapping

from webui.hooks.points import DECLARED, Point
from webui.hooks.points import KINDS as KINDS
from webui.hooks.points import PROJECT as PROJECT
from webui.hooks.points import hookimpl as hookimpl
from webui.hooks.specs_studio import *  # noqa: F403
from webui.hooks.specs_worker import *  # noqa: F403

NAMES = (
    # What an extension offers
    "samplers", "sampler_functions", "schedules", "schedule_functions", "guidance_methods",
    "guidance_functions", "upscalers", "upscaler_functions",
    # What an extension adds to the page, the API and the settings
    "settings", "routes", "tabs", "panels", "actions", "scripts",
    # What an extension adds to what orders may name
    "preprocessors", "families", "family_loaders", "palettes", "wildcards", "prompt_functions", "commands",
    "plot_axes", "pasted",
    # What an extension changes, on a picture's way
    "change_request", "change_prompts", "change_conditioning", "change_latent", "change_guidance",
    "change_denoised", "change_sampled", "change_picture", "wrap_program", "change_metadata",
    # What an extension says of a picture's file
    "picture_metadata", "picture_file_name",
    # What an extension hears
    "job_changed", "job_stepped", "picture_saved", "worker_changed", "studio_started", "studio_stopped",
    "model_loaded", "step_taken",
)  # fmt: skip
"""Of all points, in the order in which they are documented."""

POINTS: Mapping[str, Point] = {name: DECLARED[name] for name in NAMES}
