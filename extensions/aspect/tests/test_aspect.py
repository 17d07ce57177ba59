"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

import pytest

from webui.contracts.request import GenerationRequest
from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
studio = load_module(MANIFEST, "studio")
Aspect = load_module(MANIFEST, "arguments").Aspect


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"ratio": "1:1"}, (512, 512)),
        ({"ratio": "1:1", "megapixels": 1}, (1024, 1024)),
        ({"ratio": "3:2"}, (640, 448)),
        ({"ratio": "3:2", "upright": True}, (448, 640)),
        ({"ratio": "16:9", "megapixels": 1}, (1344, 768)),
        ({"ratio": "21:9", "megapixels": 0.01}, (128, 64)),
    ],
)
def test_a_ratio_and_an_area_are_a_size(said: dict[str, object], size: tuple[int, int]) -> None:
    assert studio.size_of(Aspect(**said)) == size


def test_the_rest_of_an_order_stays() -> None:
    request = GenerationRequest.model_validate({"prompt": "a boat", "width": 64, "steps": 7})
    made = studio.change_request(request, Aspect())
    assert made.model_dump() == {**request.model_dump(), "width": 640, "height": 448}
