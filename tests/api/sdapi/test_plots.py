"""The X/Y/Z plot script, with AUTOMATIC1111's positional arguments."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.sdapi.conftest import b64, drawn, opened, refusal, request_of

SCRIPT = "X/Y/Z plot"
TAIL = [False, True, False, False, False, False, False, 4, False]
"""No legend, the single pictures too, no sub-grids, seeds fixed, none varied, margin 4, no CSV."""


def arguments(x: Any, y: Any = (0, "", []), z: Any = (0, "", []), tail: Any = TAIL) -> list[Any]:
    return [*x, *y, *z, *tail]


def test_the_grid_comes_first_and_then_its_pictures(client: TestClient) -> None:
    said = arguments((4, "1,2", []), (9, "", ["Euler", "Heun"]))
    answer, info = drawn(client, script_name=SCRIPT, script_args=said, seed=3)
    grid, *lone = map(opened, answer["images"])
    assert (grid.size, len(lone)) == ((132, 132), 4)
    for image, corner in zip(lone, [(0, 0), (68, 0), (0, 68), (68, 68)], strict=True):
        box = (*corner, corner[0] + 64, corner[1] + 64)
        assert grid.convert("RGB").crop(box).tobytes() == image.convert("RGB").tobytes()
    assert info["all_seeds"] == [3] * 5
    plot = request_of(client, info)["plot"]
    assert (plot["x"]["axis"], plot["y"]) == ("steps", {"axis": "sampler", "values": "Euler,Heun"})


def test_labels_will_do_and_older_clients_say_less(client: TestClient) -> None:
    older = [True, False, True, False, 0, True]
    said = arguments(("Seed", "1-2", None), z=("CFG scale", "2,3", None), tail=older)
    answer, _ = drawn(client, script_name=SCRIPT, script_args=said)
    assert len(answer["images"]) == 3  # the whole grid and two of Z


def test_numbers_mean_the_list_of_the_tab(client: TestClient) -> None:
    said = arguments((24, "0.2, 0.4", []))
    _, info = drawn(
        client, "img2img", script_name=SCRIPT, script_args=said, init_images=[b64()], n_iter=2
    )
    assert request_of(client, info)["plot"]["x"]["axis"] == "denoising_strength"
    assert info["ignored"] == ["n_iter"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((99, "1", []), "no axis '99' in txt2img; a number from 0 to 41"),
        (("Colour", "1", []), "no axis 'Colour'"),
        (("Face restore", "1", []), "that Easel has not"),
        ((4, "x", []), "'x'; a whole number"),
        ((0, "", []), "has no axis"),
    ],
)
def test_what_cannot_be_drawn_is_said(client: TestClient, said: Any, expected: str) -> None:
    status, sentence = refusal(client, script_name=SCRIPT, script_args=arguments(said))
    assert status in (400, 422)
    assert expected in sentence
