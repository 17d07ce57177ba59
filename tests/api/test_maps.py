"""Palettes and first maps, over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_palettes_are_listed_with_a_colour_a_class(client: TestClient) -> None:
    listed = client.get("/api/v1/palettes").json()
    sizes = {palette["name"]: len(palette["classes"]) for palette in listed}
    assert sizes == {"World": 16, "ADE20K": 150, "COCO-Stuff": 182}
    assert all(len(palette["colours"]) == len(palette["classes"]) for palette in listed)


def test_a_picture_is_read_into_a_map_of_its_size(client: TestClient, png: bytes) -> None:
    image = client.post("/api/v1/images", content=png).json()["id"]
    how = {"colours": [[0, 0, 255], [200, 120, 40]], "clusters": 3}
    made = client.post(f"/api/v1/images/{image}/class-map", json=how)
    assert made.status_code == 201
    assert (made.json()["width"], made.json()["height"]) == (96, 64)
    kept = client.get(f"/api/v1/images/{made.json()['id']}")
    assert kept.headers["content-type"] == "image/png"


def test_a_colour_beyond_its_range_is_named(client: TestClient, png: bytes) -> None:
    image = client.post("/api/v1/images", content=png).json()["id"]
    answer = client.post(f"/api/v1/images/{image}/class-map", json={"colours": [[0, 0, 256]]})
    assert answer.status_code == 422
    assert "colours.0.2" in answer.text
