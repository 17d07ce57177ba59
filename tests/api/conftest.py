"""A whole studio with the fake worker, and a client that speaks to it through the guard."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from webui.app import Studio, build_studio
from webui.contracts.settings import Settings

ORIGIN = "http://127.0.0.1:7860"


def fake_settings(folder: Path, **changes: object) -> Settings:
    """Settings of a studio that needs no model and touches nothing outside the folder."""
    return Settings(data_dir=folder, fake=True, repository=folder, **changes)  # type: ignore[arg-type]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A running studio without its page."""
    made = build_studio(fake_settings(tmp_path))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    """A program on this machine, no browser: it sends neither Origin nor cookies."""
    with TestClient(studio.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """As `client`, of one studio for all requests of a file that are refused: they leave it as it was."""
    made = build_studio(fake_settings(tmp_path_factory.mktemp("refusing")))
    made.start()
    with TestClient(made.guarded, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield client
    made.stop()


@pytest.fixture
def png() -> bytes:
    """A small picture's file."""
    file = io.BytesIO()
    Image.new("RGB", (96, 64), (200, 120, 40)).save(file, "PNG")
    return file.getvalue()


def wait_for(client: TestClient, job_id: str) -> dict[str, object]:
    """The job once it is final; its event stream ends then."""
    client.get(f"/api/v1/jobs/{job_id}/events")
    job: dict[str, object] = client.get(f"/api/v1/jobs/{job_id}").json()
    return job
