"""Axes of a plot that vary the words: search and replace, the order of parts, the weight of LoRAs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from webui.contracts.errors import BadRequest
from webui.contracts.plot import MAX_CELLS, AxisPoint, AxisValue, PlotAxis
from webui.contracts.request import GenerationRequest
from webui.hooks.specs import hookimpl

MAX_PARTS = 5
"""Parts of a prompt whose orders fit into one plot: 120 of five."""
_WORDS = ("prompt", "negative_prompt")
_WEIGHT = re.compile(r"(<(?:lora|lyco):[^:>]+)(?::[^:>]*)?((?::[^>]*)?>)")


@hookimpl
def plot_axes() -> Sequence[PlotAxis]:
    """As AUTOMATIC1111 calls them."""
    return (
        PlotAxis("prompt_sr", "Prompt S/R", "text", replaced),
        PlotAxis("prompt_order", "Prompt order", "text", reordered),
        PlotAxis("lora_weight", "LoRA weight", "number", weighted),
    )


def replaced(request: GenerationRequest, values: Sequence[AxisValue]) -> Sequence[AxisPoint]:
    """The first value is searched for, in both prompts; each value stands in its place once.

    Raises:
        BadRequest: it is in neither.
    """
    searched, *_ = texts = [str(value) for value in values]
    if not any(searched in getattr(request, name) for name in _WORDS):
        raise BadRequest(
            f"The first value of Prompt S/R, {searched[:100]!r}, is in neither prompt; words that stand there were "
            "expected."
        )
    return [
        AxisPoint(text, _said(request, {n: getattr(request, n).replace(searched, text) for n in _WORDS}))
        for text in texts
    ]  # fmt: skip


def reordered(request: GenerationRequest, values: Sequence[AxisValue]) -> Sequence[AxisPoint]:
    """Every order of the values, each of which stands in the prompt.

    Raises:
        BadRequest: one is not in the prompt, or they have too many orders.
    """
    parts = [str(value) for value in values]
    if len(parts) > MAX_PARTS:
        raise BadRequest(
            f"Prompt order has {len(parts)} parts; at most {MAX_PARTS} were expected, for a plot has at most "
            f"{MAX_CELLS} pictures."
        )
    missing = [part for part in parts if part not in request.prompt]
    if missing:
        raise BadRequest(
            f"Prompt order has the part {missing[0][:100]!r}, which is not in the prompt; words that stand there "
            "were expected."
        )
    pattern = re.compile("|".join(re.escape(part) for part in sorted(parts, key=len, reverse=True)))
    return [_in_order(request, pattern, order) for order in permutations(parts)]


def weighted(request: GenerationRequest, values: Sequence[AxisValue]) -> Sequence[AxisPoint]:
    """Each value is the weight of all LoRAs, those of the prompt's tags and those of the list.

    Raises:
        BadRequest: there are none.
    """
    if not request.loras and not _WEIGHT.search(request.prompt):
        raise BadRequest(
            "The axis LoRA weight has no LoRA to weigh; one in the prompt, as <lora:name:1>, was expected."
        )
    return [AxisPoint(f"{value:g}", _weighing(request, float(value))) for value in values]


def _weighing(request: GenerationRequest, weight: float) -> GenerationRequest:
    loras = tuple(use.model_copy(update={"weight": weight}) for use in request.loras)
    prompt = _WEIGHT.sub(lambda tag: f"{tag[1]}:{weight:g}{tag[2]}", request.prompt)
    return _said(request, {"prompt": prompt, **({"loras": loras} if loras else {})})


def _in_order(
    request: GenerationRequest, pattern: re.Pattern[str], order: Sequence[str]
) -> AxisPoint:
    places = iter(order)
    prompt = pattern.sub(lambda found: next(places, found[0]), request.prompt)
    return AxisPoint(", ".join(order), _said(request, {"prompt": prompt}))


# Object: a field's value; the request is checked before it is ordered.
def _said(request: GenerationRequest, fields: dict[str, object]) -> GenerationRequest:
    return request.model_copy(update=fields)
