"""Axes that extensions give, and those that the program itself gives through the same point."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.contracts.errors import BadRequest
from webui.contracts.request import GenerationRequest
from webui.hooks.builtin import BUILTIN
from webui.hooks.builtin.prompt_axes import reordered, replaced, weighted
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions

STUDIO = """
from webui.contracts.plot import AxisPoint, PlotAxis
from webui.hooks.specs import hookimpl

def points(request, values):
    return [AxisPoint(v, request.model_copy(update={"prompt": f"{request.prompt} {v}"})) for v in values]

@hookimpl
def plot_axes():
    return [PlotAxis("weather", "Weather", "text", points, ("rain", "snow"))]
"""


@pytest.fixture
def studio() -> StudioExtensions:
    made = StudioExtensions(HookHost())
    for name, module in BUILTIN:
        made.host.register(module, name)
    return made


def test_an_extensions_axis_has_its_name_and_goes_with_it(
    studio: StudioExtensions, tmp_path: Path
) -> None:
    own = [axis.name for axis in studio.plot_axes()]
    assert own == ["prompt_sr", "prompt_order", "lora_weight"]
    folder = write_extension(tmp_path, "sky", studio=STUDIO, title="Sky")
    studio.load(read_manifest(folder))
    (axis,) = [axis for axis in studio.plot_axes() if axis.name not in own]
    assert (axis.name, axis.title, axis.choices) == (
        "sky/weather",
        "Sky: Weather",
        ("rain", "snow"),
    )
    (point,) = axis.points(GenerationRequest(prompt="a boat in"), ["rain"])
    assert point.request.prompt == "a boat in rain"
    studio.unload("sky")
    assert [axis.name for axis in studio.plot_axes()] == own


def test_what_is_no_axis_is_left_out_and_noted(studio: StudioExtensions, tmp_path: Path) -> None:
    wrong = STUDIO.replace('PlotAxis("weather", "Weather", "text", points, ("rain", "snow"))', "1")
    studio.load(read_manifest(write_extension(tmp_path, "sky", studio=wrong)))
    assert len(studio.plot_axes()) == 3
    assert [(f.extension, f.hook) for f in studio.host.failures()] == [("sky", "plot_axes")]


def test_search_and_replace_is_for_both_prompts() -> None:
    request = GenerationRequest(prompt="a red boat, red sea", negative_prompt="red sky")
    first, second = replaced(request, ["red", "blue"])
    assert (first.label, first.request.prompt) == ("red", "a red boat, red sea")
    assert second.request.prompt == "a blue boat, blue sea"
    assert second.request.negative_prompt == "blue sky"


def test_every_order_of_the_parts_stands_in_their_places() -> None:
    points = reordered(GenerationRequest(prompt="oil, a cat; night"), ["oil", "a cat", "night"])
    assert [point.request.prompt for point in points][:3] == [
        "oil, a cat; night", "oil, night; a cat", "a cat, oil; night",
    ]  # fmt: skip
    assert (len(points), points[1].label) == (6, "oil, night, a cat")
    with pytest.raises(BadRequest, match="which is not in the prompt"):
        reordered(GenerationRequest(prompt="oil"), ["oil", "ink"])
    with pytest.raises(BadRequest, match="at most 5"):
        reordered(GenerationRequest(prompt="a b c d e f"), list("abcdef"))


def test_the_weight_is_that_of_each_tag_and_of_the_list() -> None:
    request = GenerationRequest(prompt="<lora:chalk:0.3> a <lyco:ink:1:0.5> <lora:oil>")
    points = weighted(request, [0.5])
    assert points[0].request.prompt == "<lora:chalk:0.5> a <lyco:ink:0.5:0.5> <lora:oil:0.5>"
    listed = GenerationRequest.model_validate(
        {"prompt": "", "loras": [{"adapter": "chalk", "weight": 1}]}
    )
    assert weighted(listed, [0.25])[0].request.loras[0].weight == 0.25
