"""Control pictures over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_a_control_picture_is_made_and_stored(client: TestClient, png: bytes) -> None:
    names = [each["name"] for each in client.get("/api/v1/preprocessors").json()]
    assert {"canny", "lineart", "depth", "tile"} <= set(names)
    image = client.post("/api/v1/images", content=png).json()["id"]
    order = {"image": image, "preprocessor": "invert"}
    made = client.post("/api/v1/preprocess", json=order)
    assert made.status_code == 201
    assert (made.json()["width"], made.json()["height"]) == (96, 64)
    assert made.json()["id"] != image
    assert client.get(f"/api/v1/images/{made.json()['id']}").status_code == 200


def test_what_is_wrong_with_an_order_is_said(client: TestClient, png: bytes) -> None:
    image = client.post("/api/v1/images", content=png).json()["id"]
    wrong: list[tuple[dict[str, object], str]] = [
        ({"preprocessor": "magic"}, "expected one of canny"),
        ({"preprocessor": "canny", "settings": {"high": 999}}, "a number from 1 to 255"),
        ({"preprocessor": "invert", "settings": {"high": 9}}, "expected one of no settings"),
        ({"preprocessor": "class colours"}, "picture of class numbers"),
    ]
    for order, says in wrong:
        answer = client.post("/api/v1/preprocess", json={"image": image, **order})
        assert 400 <= answer.status_code < 500
        assert says in answer.json()["error"]
    assert (
        client.post(
            "/api/v1/preprocess", json={"image": "0" * 64, "preprocessor": "canny"}
        ).status_code
        == 404
    )
