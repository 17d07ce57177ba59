"""The logbook in a studio: what it hears is written down, and it stops when it is disabled."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from tests.extensions.loading import EXAMPLES, imported
from tests.workers.listening import SECONDS
from webui.app import build_studio

ALL = "/api/v1/extensions/logbook"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A studio that has the logbook and the aspect in use."""
    for name in ("logbook", "aspect"):
        shutil.copytree(EXAMPLES / name, tmp_path / "extensions" / name)
    (tmp_path / "extensions.json").write_text(json.dumps(["logbook", "aspect"]))
    studio = build_studio(fake_settings(tmp_path))
    studio.start()
    assert studio.context.extensions.studio.settled.wait(20)
    with TestClient(studio.guarded, base_url=ORIGIN) as made:
        yield made
    studio.stop()


def _lines(client: TestClient, has: Callable[[list[Any]], bool]) -> list[Any]:
    """The lines of all days, once they are as they are waited for: observers run beside the rest."""
    until = time.monotonic() + SECONDS
    while True:
        found = [line for day in client.get(f"{ALL}/days").json() for line in client.get(f"{ALL}/days/{day}").json()]
        if has(found):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.02)


def test_jobs_and_the_worker_are_written_down(client: TestClient) -> None:
    body = {"prompt": "a boat", "steps": 4, "width": 64, "height": 64}
    job = client.post("/api/v1/jobs", json=body).json()["id"]
    wait_for(client, job)
    found = _lines(client, lambda lines: any(line["what"] == "job" for line in lines))
    (line,) = [line for line in found if line["what"] == "job"]
    assert (line["said"], line["job"], line["state"], line["pictures"]) == ("a boat", job, "done", 1)
    assert line["seconds"] >= 0
    assert any(line["what"] == "worker" and line["state"] == "ready" for line in found)
    assert found[-1]["said"] == "The studio answers."


def test_disabled_it_writes_a_last_line(client: TestClient, tmp_path: Path) -> None:
    _lines(client, bool)
    client.put(ALL, json={"enabled": False})
    (file,) = (tmp_path / "outputs/.extensions/logbook").glob("*.jsonl")
    assert "logbook is disabled" in file.read_text("utf-8").splitlines()[-1]
    assert client.get(f"{ALL}/days").status_code == 404


def test_the_bell_is_told_to_the_page(client: TestClient) -> None:
    logbook = next(e for e in client.get("/api/v1/extensions").json() if e["name"] == "logbook")
    (script,) = logbook["page"]["scripts"]
    assert "export function start" in client.get(script).text


def test_an_aspect_sizes_an_order(client: TestClient) -> None:
    body = {"prompt": "", "steps": 1, "extensions": {"aspect": {"ratio": "21:9", "megapixels": 0.02}}}
    job: Any = wait_for(client, client.post("/api/v1/jobs", json=body).json()["id"])
    assert (job["request"]["width"], job["request"]["height"]) == (192, 64)
    assert (job["pictures"][0]["width"], job["pictures"][0]["height"]) == (192, 64)


def test_a_guess_that_is_no_number_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    request = SimpleNamespace(sampler="Euler")
    with imported("logbook", "worker") as worker, caplog.at_level(logging.INFO, "easel.logbook"):
        order = SimpleNamespace(seed=7, request=request)
        worker.step_taken(torch.ones(1, 4, 2, 2), 1, order)
        assert caplog.messages == []
        for step in (2, 3):
            worker.step_taken(torch.full((1, 4, 2, 2), float("nan")), step, order)
        worker.model_loaded(SimpleNamespace(checkpoint=SimpleNamespace(id="tiny"), device="cpu"))
    said, loaded = caplog.messages
    assert "The guess of step 2 is no number (seed 7, Euler)" in said
    assert loaded == "tiny is on cpu."
