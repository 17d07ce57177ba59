"""Palettes and first maps, over HTTP."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from tests.services.test_segmenter_files import write_segmenter
from webui.app import build_studio
from webui.contracts.fakes import FakeWorker


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


@pytest.fixture
def seeing(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a studio with a segmenter, whose worker sees its first class above and its last below."""
    write_segmenter(tmp_path / "models" / "segmenters" / "b0")
    studio = build_studio(replace(fake_settings(tmp_path), fake=False), FakeWorker)
    studio.start()
    with TestClient(studio.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        while studio.context.dispatcher.status().state != "ready":
            time.sleep(0.01)
        yield made
    studio.stop()


def test_a_segmenter_sees_what_is_in_a_picture(seeing: TestClient, png: bytes) -> None:
    [info] = seeing.get("/api/v1/adapters", params={"kind": "segmenter"}).json()
    assert info["id"] == "segmenters/b0"
    image = seeing.post("/api/v1/images", content=png).json()["id"]
    classes = ["sky", "meadow", "wall"]
    how = {
        "colours": [[0, 0, 250], [0, 250, 0], [90, 90, 90]], "classes": classes, "segmenter": info["id"],
    }  # fmt: skip
    made = seeing.post(f"/api/v1/images/{image}/class-map", json=how)
    assert made.status_code == 201, made.text
    map_ = Image.open(io.BytesIO(seeing.get(f"/api/v1/images/{made.json()['id']}").content))
    numbers = np.asarray(map_)
    assert (numbers.shape, classes[numbers[0, 0]], classes[numbers[-1, 0]]) == ((64, 96), "wall", "meadow")  # fmt: skip


def test_a_reading_that_cannot_be_is_said(seeing: TestClient, png: bytes) -> None:
    image = seeing.post("/api/v1/images", content=png).json()["id"]
    address = f"/api/v1/images/{image}/class-map"
    how = {"colours": [[0, 0, 250]], "segmenter": "segmenters/b0"}
    nameless = seeing.post(address, json=how)
    assert nameless.status_code == 422
    assert (
        "classes is 0 names, expected 1 different names, one a colour" in nameless.json()["error"]
    )
    unknown = seeing.post(address, json={**how, "classes": ["sky"], "segmenter": "gone"})
    assert unknown.status_code == 422
    assert "There is no segmenter 'gone'" in unknown.json()["error"]
