"""The schedule's name, the look, and a way to make control pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from webui.contracts.access import Prompts
from webui.contracts.preprocessor import Pixels, Preprocessor, Setting, Values
from webui.hooks.specs import hookimpl

from .about import COSINE, EXPLAINED
from .arguments import Darkroom


@hookimpl
def schedules() -> Mapping[str, str]:
    """One."""
    return {COSINE: EXPLAINED}


@hookimpl
def preprocessors() -> Sequence[Preprocessor]:
    """For tile controlnets: the picture in a few flat tones."""
    return [Preprocessor("tones", "The picture in a few flat tones.", ("tile",), _tones, (Setting("tones", "Tones", 2, 16, 4),))]


def _tones(pixels: Pixels, values: Values) -> Pixels:
    steps = values["tones"] - 1
    return np.round(np.round(pixels / 255 * steps) / steps * 255).astype(np.uint8)


@hookimpl
def change_prompts(prompts: Prompts, arguments: Darkroom) -> Prompts | None:
    """The look, behind the prompt."""
    if not arguments.look:
        return None
    return replace(prompts, prompt=f"{prompts.prompt}, {arguments.look}")
