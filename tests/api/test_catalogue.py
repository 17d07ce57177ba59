"""What can be chosen, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.services.models import (
    write_controlnet,
    write_json,
    write_lora,
    write_model,
    write_weights,
)
from webui.api.app import create_api
from webui.app import Studio
from webui.services.catalog import Catalog


@pytest.fixture
def shelf(tmp_path: Path, studio: Studio) -> Iterator[TestClient]:
    """A client of a studio with a semantic model, a text model, a controlnet and a LoRA."""
    models = tmp_path / "models"
    easel = {"task": "semantic", "classes": ["sky", "sea"], "defaults": {"steps": 30}}
    write_model(models / "maps", easel, in_channels=16)
    write_model(models / "text")
    write_controlnet(models / "edges", reads="edges")
    write_lora(models / "loras" / "chalk.safetensors")
    write_json(models / "broken" / "model_index.json", [])
    context = replace(studio.context, catalog=Catalog([models]))
    with TestClient(create_api(context, studio.streams)) as made:
        yield made


def test_a_model_shows_its_task_its_classes_and_what_suits_it(shelf: TestClient) -> None:
    maps, text = shelf.get("/api/v1/models").json()
    assert (maps["task"], maps["classes"], maps["defaults"]) == (
        "semantic",
        ["sky", "sea"],
        {"steps": 30},
    )
    assert (text["task"], text["classes"], text["defaults"]) == ("text", [], {})
    assert "parts" not in maps


def test_models_can_be_asked_for_by_task(shelf: TestClient) -> None:
    models = shelf.get("/api/v1/models", params={"task": "text"}).json()
    assert [model["id"] for model in models] == ["text"]
    answer = shelf.get("/api/v1/models", params={"task": "poetry"})
    assert answer.status_code == 422
    assert "'inpaint'" in answer.json()["error"]


def test_adapters_are_listed_without_their_paths(shelf: TestClient) -> None:
    edges, chalk = shelf.get("/api/v1/adapters").json()
    assert (edges["id"], edges["kind"], edges["reads"]) == ("edges", "controlnet", "edges")
    assert (chalk["id"], chalk["kind"], chalk["title"]) == ("loras/chalk", "lora", "chalk")
    assert "path" not in edges
    assert {"base", "trigger_words", "tags", "training", "hash"} <= set(chalk)


def test_adapters_can_be_asked_for_by_kind(shelf: TestClient) -> None:
    adapters = shelf.get("/api/v1/adapters", params={"kind": "lora"}).json()
    assert [adapter["id"] for adapter in adapters] == ["loras/chalk"]


def test_an_embedding_tells_its_places(shelf: TestClient, tmp_path: Path) -> None:
    write_weights(tmp_path / "models" / "embeddings" / "cloud.safetensors", {"<c>": [4, 8]})
    (cloud,) = shelf.get("/api/v1/adapters", params={"kind": "embedding"}).json()
    assert (cloud["id"], cloud["vectors"]) == ("embeddings/cloud", 4)
