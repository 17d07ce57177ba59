"""The schedule's name, and the look."""

from collections.abc import Mapping
from dataclasses import replace

from webui.contracts.access import Prompts
from webui.hooks.specs import hookimpl

from .about import COSINE, EXPLAINED
from .arguments import Darkroom


@hookimpl
def schedules() -> Mapping[str, str]:
    """One."""
    return {COSINE: EXPLAINED}


@hookimpl
def change_prompts(prompts: Prompts, arguments: Darkroom) -> Prompts | None:
    """The look, behind the prompt."""
    if not arguments.look:
        return None
    return replace(prompts, prompt=f"{prompts.prompt}, {arguments.look}")
