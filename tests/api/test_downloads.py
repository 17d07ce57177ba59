"""Downloads over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from tests.services.downloads.server import Server, running_server, weights
from tests.workers.listening import eventually
from webui.app import Studio, build_studio


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as made:
        made.put("/chalk.safetensors", weights())
        yield made


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = build_studio(fake_settings(tmp_path, private_downloads=True))
    made.start()
    yield made
    made.stop()


def test_a_source_is_looked_at_and_ordered(
    client: TestClient, server: Server, tmp_path: Path
) -> None:
    source = {"source": server.address + "/chalk.safetensors"}
    offer = client.post("/api/v1/downloads/look", json=source).json()
    assert (offer["name"], offer["files"][0]["bytes"]) == ("chalk", len(weights()))
    assert client.get("/api/v1/downloads").json() == []
    ordered = client.post("/api/v1/downloads", json={**source, "kind": "lora"})
    assert ordered.status_code == 201
    address = f"/api/v1/downloads/{ordered.json()['id']}"
    eventually(lambda: client.get("/api/v1/downloads").json()[0]["state"] == "done")
    (told,) = client.get("/api/v1/downloads").json()
    assert (told["target"], told["bytes_done"]) == ("loras/chalk.safetensors", len(weights()))
    assert client.post(f"{address}/pause").json()["state"] == "done"
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/downloads").json() == []
    assert (tmp_path / "models" / "loras" / "chalk.safetensors").read_bytes() == weights()


def test_what_cannot_be_fetched_is_a_sentence(client: TestClient, server: Server) -> None:
    missing = client.post("/api/v1/downloads", json={"source": server.address + "/none.ckpt"})
    assert (missing.status_code, "404" in missing.json()["error"]) == (502, True)
    nonsense = client.post("/api/v1/downloads/look", json={"source": "dragon"})
    assert (nonsense.status_code, "no source" in nonsense.json()["error"]) == (400, True)
    assert client.post("/api/v1/downloads/none/resume").status_code == 404
    assert (
        client.post("/api/v1/downloads", json={"source": "a/b", "kind": "poem"}).status_code == 422
    )


def test_an_inner_address_is_refused_unless_the_studio_was_started_so(
    server: Server, tmp_path: Path
) -> None:
    made = build_studio(fake_settings(tmp_path / "strict"))
    made.start()
    with TestClient(made.guarded, base_url=ORIGIN) as client:
        answer = client.post(
            "/api/v1/downloads", json={"source": server.address + "/chalk.safetensors"}
        )
    made.stop()
    assert (answer.status_code, "--allow-private-downloads" in answer.json()["error"]) == (
        400,
        True,
    )
    assert server.asked == []
