"""How far a request is, and ending it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.sdapi.conftest import opened
from tests.workers.listening import SECONDS


class Waiting:
    """A client that waits for a long request in a thread of its own."""

    def __init__(self, client: TestClient, agent: str, **body: Any) -> None:
        self.headers = {"user-agent": agent}
        self.client = client
        whole = {"prompt": "x", "steps": 400, "width": 64, "height": 64, **body}
        self.answer: Any = None
        self._thread = threading.Thread(target=self._ask, args=(whole,))
        self._thread.start()

    def _ask(self, body: dict[str, Any]) -> None:
        self.answer = self.client.post("/sdapi/v1/txt2img", json=body, headers=self.headers)

    def progress(self, **query: Any) -> Any:
        return self.client.get("/sdapi/v1/progress", params=query, headers=self.headers).json()

    def until_begun(self, wanted: str = "sampling_step") -> Any:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            said = self.progress()
            if said["state"][wanted] and said["current_image"]:
                return said
            time.sleep(0.01)
        raise TimeoutError("It did not begin.")

    def post(self, route: str) -> int:
        return self.client.post(f"/sdapi/v1/{route}", headers=self.headers).status_code

    def ended(self) -> Any:
        self._thread.join(SECONDS)
        return json.loads(self.answer.json()["info"])


@pytest.fixture
def others(client: TestClient) -> Any:
    """Somebody else's job, which nobody here may end."""
    job = client.post(
        "/api/v1/jobs", json={"prompt": "theirs", "steps": 1000, "width": 64, "count": 20}
    ).json()
    yield job["id"]
    client.delete(f"/api/v1/jobs/{job['id']}")


def test_progress_is_of_ones_own_request(client: TestClient, others: str) -> None:
    idle = client.get("/sdapi/v1/progress", headers={"user-agent": "idle"}).json()
    assert (idle["progress"], idle["current_image"], idle["state"]["job_count"]) == (0, None, 0)
    waiting = Waiting(client, "mine", force_task_id="task(1)")
    said = waiting.until_begun()
    assert 0 < said["progress"] < 1
    assert said["state"]["sampling_steps"] == 400
    assert opened(said["current_image"]).format == "PNG"
    assert waiting.progress(skip_current_image=True)["current_image"] is None
    assert waiting.post("interrupt") == 200
    info = waiting.ended()
    assert client.get(f"/api/v1/jobs/{info['job_ids'][0]}").json()["state"] == "cancelled"
    assert client.get(f"/api/v1/jobs/{others}").json()["state"] in ("running", "queued")
    ended = waiting.progress(id_task="task(1)")
    assert (ended["progress"], ended["state"]["interrupted"]) == (1.0, True)
    assert waiting.progress()["progress"] == 0


def test_a_skipped_round_is_left_out_and_the_next_is_drawn(client: TestClient) -> None:
    waiting = Waiting(client, "skipping", n_iter=2, steps=250)
    waiting.until_begun()
    assert waiting.post("skip") == 200
    info = waiting.ended()
    states = [client.get(f"/api/v1/jobs/{job}").json()["state"] for job in info["job_ids"]]
    assert states == ["cancelled", "done"]
    assert len(waiting.answer.json()["images"]) == 1


def test_a_client_that_waits_for_nothing_ends_nothing(client: TestClient) -> None:
    waiting = Waiting(client, "waiting", steps=250)
    waiting.until_begun()
    headers = {"user-agent": "nobody"}
    assert client.post("/sdapi/v1/interrupt", headers=headers).status_code == 200
    assert client.post("/sdapi/v1/skip", headers=headers).status_code == 200
    waiting.ended()
    assert len(waiting.answer.json()["images"]) == 1
