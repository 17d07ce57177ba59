"""Enlarging finished pictures, and reading them."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.api.sdapi.conftest import b64, drawn, opened

SINGLE = "/sdapi/v1/extra-single-image"


def enlarged(client: TestClient, **body: object) -> tuple[int, int]:
    answer = client.post(SINGLE, json={"image": b64((96, 64)), "upscaler_1": "Lanczos", **body})
    assert answer.status_code == 200, answer.text
    size: tuple[int, int] = opened(answer.json()["image"]).size
    return size


def test_a_picture_is_enlarged_by_a_factor_exactly(client: TestClient) -> None:
    assert enlarged(client) == (192, 128)
    assert enlarged(client, upscaling_resize=1.6) == (153, 102)
    assert enlarged(client, upscaling_resize=0.5) == (48, 32)
    assert enlarged(client, upscaler_1="None") == (96, 64)


def test_a_picture_is_brought_to_a_size_and_cut(client: TestClient) -> None:
    size = {"resize_mode": 1, "upscaling_resize_w": 100, "upscaling_resize_h": 100}
    assert enlarged(client, **size) == (100, 100)
    assert enlarged(client, **size, upscaling_crop=False) == (150, 100)


def test_a_second_upscaler_lies_over_the_first(client: TestClient) -> None:
    before = len(client.get("/api/v1/jobs").json())
    second = {"upscaler_2": "Nearest", "extras_upscaler_2_visibility": 0.5}
    assert enlarged(client, **second) == (192, 128)
    assert len(client.get("/api/v1/jobs").json()) == before + 2


def test_models_made_for_it_enlarge_too(furnished: TestClient) -> None:
    assert "sr" in [u["name"] for u in furnished.get("/sdapi/v1/upscalers").json()]
    assert enlarged(furnished, upscaler_1="sr", upscaling_resize=4) == (384, 256)


def test_several_pictures_come_back_in_their_order(client: TestClient) -> None:
    body = {
        "imageList": [{"data": b64((64, 64)), "name": "a"}, {"data": b64((72, 64)), "name": "b"}],
        "upscaler_1": "Nearest", "gfpgan_visibility": 0.5,
    }  # fmt: skip
    answer = client.post("/sdapi/v1/extra-batch-images", json=body).json()
    assert [opened(text).size for text in answer["images"]] == [(128, 128), (144, 128)]
    assert answer["html_info"] == "<p>Ignored, as it is not here: gfpgan_visibility.</p>"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            {"upscaler_1": "R-ESRGAN 4x+"},
            "no upscaler 'R-ESRGAN 4x+'. Those that there are: None, Lanczos",
        ),
        ({"upscaling_resize": 20}, "enlarged 20 times; at most 8"),
        ({"image": "junk"}, "no picture that can be read"),
    ],
)
def test_what_cannot_be_enlarged_is_a_sentence(
    client: TestClient, body: dict[str, object], says: str
) -> None:
    answer = client.post(SINGLE, json={"image": b64(), "upscaler_1": "Lanczos", **body})
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True)


def test_a_picture_tells_how_it_was_made(client: TestClient) -> None:
    picture = drawn(client, seed=7, negative_prompt="rain")[0]["images"][0]
    told = client.post("/sdapi/v1/png-info", json={"image": picture}).json()
    assert told["info"].startswith("a lake\nNegative prompt: rain\nSteps: 2")
    assert told["parameters"]["Prompt"] == "a lake"
    assert (told["parameters"]["Seed"], told["parameters"]["Size-1"]) == ("7", "64")
    assert "easel" in told["items"]
    nothing = client.post("/sdapi/v1/png-info", json={"image": b64()}).json()
    assert nothing == {"info": "", "items": {}, "parameters": {}}
