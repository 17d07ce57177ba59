"""What the picture shows, what it should stay away from, and the model that draws it."""

from __future__ import annotations

from collections.abc import Sequence

from gradio.components import Component

from webui.contracts.checkpoint import CheckpointInfo
from webui.ui.forms import control


def prompt_panel(tab: str, models: Sequence[CheckpointInfo]) -> dict[str, Component]:
    """Prompt, negative prompt (one line until used) and model."""
    names = ("prompt", "negative_prompt", "model")
    return {name: control(tab, name, models) for name in names}
