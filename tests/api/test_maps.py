"""Palettes and first maps, over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_palettes_are_listed_with_a_colour_a_class(client: TestClient) -> None:
    listed = client.get("/api/v1/palettes").json()
    sizes = {palette["name"]: len(palette["classes"]) for palette in listed}
    assert sizes == {"Model's own": 16, "World": 16, "ADE20K": 150, "COCO-Stuff": 182}
    for palette in listed:
        assert len(palette["colours"]) == len(palette["classes"]) == len(palette["words"])


def test_a_models_own_palette_has_its_classes(client: TestClient) -> None:
    own = client.get("/api/v1/palettes", params={"model": "fake/map"}).json()[0]
    assert own["name"] == "Model's own"
    assert own["classes"] == ["sky", "meadow", "water", "house"]
    assert own["words"][2] == "a calm lake"
    assert client.get("/api/v1/palettes", params={"model": "no/such"}).status_code == 422


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
