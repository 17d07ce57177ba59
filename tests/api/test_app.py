"""The rest of the routes: choices, health, documentation, splash, errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from tests.workers.listening import eventually
from webui.app import Studio, build_studio
from webui.contracts.choices import SAMPLERS, SCHEDULES
from webui.contracts.fakes import FakeWorker


def test_health_says_how_the_worker_is(client: TestClient) -> None:
    health = client.get("/api/v1/health").json()
    assert health["status"] == "ok"
    assert set(health) == {"status", "version", "worker", "workers", "queued", "running", "paused"}
    assert health["workers"] == [health["worker"]]


def test_with_several_devices_health_tells_of_each_and_all_draw(tmp_path: Path) -> None:
    studio = build_studio(fake_settings(tmp_path), FakeWorker, FakeWorker)
    studio.start()
    with TestClient(studio.guarded, base_url=ORIGIN) as client:
        ids = [
            client.post("/api/v1/jobs", json={"prompt": "a boat", "steps": 2}).json()["id"]
            for _ in range(4)
        ]
        assert {wait_for(client, job_id)["state"] for job_id in ids} == {"done"}
        states = ["ready", "ready"]
        eventually(lambda: [w.state for w in studio.context.dispatcher.statuses()] == states)
        health = client.get("/api/v1/health").json()
        assert [worker["state"] for worker in health["workers"]] == states
        assert health["worker"]["state"] == "ready"
    studio.stop()


def test_choices_are_listed_in_menu_order(client: TestClient) -> None:
    assert [entry["name"] for entry in client.get("/api/v1/samplers").json()] == [
        s.name for s in SAMPLERS
    ]
    assert [entry["name"] for entry in client.get("/api/v1/schedules").json()] == list(SCHEDULES)


def test_models_do_not_tell_where_their_files_lie(client: TestClient) -> None:
    models = client.get("/api/v1/models").json()
    assert "fake/gradient" in {model["id"] for model in models}
    assert all("path" not in model for model in models)


def test_the_documentation_asks_nothing_of_other_machines(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert re.findall(r"(?:https?:)?//[a-z]", page.text) == []
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_every_route_is_documented_with_a_summary(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert "/api/v1/jobs/{job_id}/events" in paths
    unsaid = [(path, method) for path, methods in paths.items() for method, route in methods.items()
              if not (route.get("summary") and route.get("description"))]  # fmt: skip
    assert unsaid == []


def test_the_splash_stands_at_the_root_until_the_page_is_there(
    client: TestClient, studio: Studio
) -> None:
    assert "starting" in client.get("/").text
    studio.page.problem = "The page <could> not be built."
    answer = client.get("/")
    assert answer.status_code == 500
    assert "&lt;could&gt;" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_an_address_that_does_not_exist_gets_a_sentence(refusing: TestClient, method: str) -> None:
    answer = refusing.request(method, "/api/v1/jobz")
    assert answer.status_code == 404
    assert "/api/v1/jobz" in answer.json()["error"]


def test_a_fault_inside_is_a_sentence_without_secrets(
    client: TestClient,
    studio: Studio,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> NoReturn:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(studio.context.catalog, "models", broken)
    answer = client.get("/api/v1/models")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret detail" in caplog.text


def test_the_page_of_the_documentation_is_one_file() -> None:
    import webui.api.docs as docs

    assert Path(docs.__file__).with_name("docs.html").stat().st_size < 20_000
