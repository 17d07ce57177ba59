"""One fake studio for a file of tests, and what its clients send."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from tests.services.models import (
    write_controlnet,
    write_lora,
    write_model,
    write_upscaler,
    write_weights,
)
from webui.app import build_studio
from webui.contracts.fakes import FakeWorker
from webui.prompt.styles import Style


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A program on this machine before a running studio."""
    studio = build_studio(fake_settings(tmp_path_factory.mktemp("studio")))
    studio.context.words.styles.save(Style("oil", "an oil painting of {prompt}"))
    studio.start()
    with TestClient(studio.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        yield made
    studio.stop()


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The same before a studio with models and adapters of files, which the fake worker draws with."""
    folder = tmp_path_factory.mktemp("furnished")
    models = folder / "models"
    write_model(models / "sd" / "tiny")
    write_upscaler(models / "sr")
    write_controlnet(models / "nets" / "edges", "edges")
    tags = '{"10_chalk": {"chalk": 9, "grey": 20}}'
    write_lora(models / "loras" / "chalk.safetensors", ss_tag_frequency=tags)
    write_weights(models / "embeddings" / "fog.safetensors", {"emb_params": [3, 8]})
    settings = replace(fake_settings(folder), fake=False)
    studio = build_studio(settings, FakeWorker)
    studio.start()
    with TestClient(studio.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        yield made
    studio.stop()


def b64(size: tuple[int, int] = (64, 64), colour: Any = (200, 120, 40), mode: str = "RGB") -> str:
    """A picture as a body holds it."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def opened(text: str) -> Image.Image:
    """A picture of an answer."""
    return Image.open(io.BytesIO(base64.b64decode(text)))


def drawn(client: TestClient, route: str = "txt2img", **body: Any) -> tuple[Any, Any]:
    """The answer of a drawing route, and its `info`."""
    small = {"prompt": "a lake", "steps": 2, "width": 64, "height": 64, **body}
    answer = client.post(f"/sdapi/v1/{route}", json=small)
    assert answer.status_code == 200, answer.text
    return answer.json(), json.loads(answer.json()["info"])


def request_of(client: TestClient, info: Any, place: int = 0) -> Any:
    """The request of a job that was drawn."""
    return client.get(f"/api/v1/jobs/{info['job_ids'][place]}").json()["request"]


def refusal(client: TestClient, route: str = "txt2img", **body: Any) -> tuple[int, str]:
    """Status and sentence of a refused body."""
    answer = client.post(f"/sdapi/v1/{route}", json={"prompt": "x", **body})
    said = answer.json()
    assert said["detail"] == said["error"]
    return answer.status_code, said["error"]
