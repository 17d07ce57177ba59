"""The loop that serves everybody waits for no file and no query: whoever answers reads in a thread.

Nothing stands in for anything here: Python itself tells of each file that is opened, and SQLAlchemy of each
statement, while an event loop runs in the same thread.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from tests.api.sdapi.conftest import b64
from tests.services.models import write_model, write_upscaler
from webui.app import build_studio
from webui.contracts.fakes import FakeWorker

FILES = ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir")
CODE = (".py", ".pyc", ".so")
"""What an import reads; a module is imported once."""
_listening: list[list[str]] = []


@cache
def _hook() -> None:
    """Python's hooks can never be taken away: this one is silent unless a test listens."""

    def hear(name: str, arguments: tuple[object, ...]) -> None:
        if not _listening or name not in FILES or not _in_a_loop():
            return
        if isinstance(arguments[0], (str, Path)) and not str(arguments[0]).endswith(CODE):
            _listening[0].append(f"{name} {arguments[0]}")

    sys.addaudithook(hear)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """What was read in a thread that an event loop runs in."""
    made: list[str] = []

    def query(*said: object) -> None:
        if _in_a_loop():
            made.append(f"query {said[2]}")

    _hook()
    _listening.append(made)
    event.listen(Engine, "before_cursor_execute", query)
    yield made
    event.remove(Engine, "before_cursor_execute", query)
    _listening.remove(made)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Before a studio with two models, which the fake worker draws with."""
    write_model(tmp_path / "models" / "tiny")
    write_upscaler(tmp_path / "models" / "sr")
    studio = build_studio(fake_settings(tmp_path, user="ann", password="secret"), FakeWorker)
    studio.start()
    with TestClient(studio.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        made.auth = ("ann", "secret")
        yield made
    studio.stop()


def test_a_file_that_a_loop_opens_is_heard(heard: list[str], tmp_path: Path) -> None:
    async def read() -> None:
        (tmp_path / "a").write_text("x")
        await asyncio.to_thread((tmp_path / "a").read_text)

    asyncio.run(read())
    (tmp_path / "a").read_text()
    assert len([entry for entry in heard if entry.startswith("open")]) == 1


def test_no_answer_of_our_api_makes_others_wait(
    client: TestClient, heard: list[str], png: bytes
) -> None:
    order = {"prompt": "a lake", "steps": 2, "width": 64, "height": 64}
    image = client.post("/api/v1/images", files={"file": ("a.png", png, "image/png")}).json()["id"]
    assert client.post("/api/v1/images", content=png).status_code == 201
    job = client.post("/api/v1/jobs", json={**order, "image": image}).json()["id"]
    client.get(f"/api/v1/jobs/{job}/events")
    picture = client.get(f"/api/v1/jobs/{job}").json()["pictures"][0]
    for path in ("", "/thumbnail", "/parameters"):
        assert client.get(picture["url"] + path).status_code == 200
    assert client.post("/api/v1/parameters/reading", content=png).status_code in (200, 400)
    for path in ("jobs", "models", "adapters", "pictures", "health", "queue", "extensions", "settings"):  # fmt: skip
        client.get(f"/api/v1/{path}")
    assert heard == []


def test_no_answer_of_automatic1111s_api_makes_others_wait(
    client: TestClient, heard: list[str]
) -> None:
    def call(path: str, **body: object) -> None:
        answer = client.post(f"/sdapi/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text

    small = {"prompt": "a lake", "steps": 2, "width": 64, "height": 64}
    call("txt2img", **small)
    call("img2img", **small, init_images=[b64()])
    upscalers = {
        "upscaler_1": "Lanczos",
        "upscaler_2": "Nearest",
        "extras_upscaler_2_visibility": 1,
    }
    call("extra-single-image", image=b64(), **upscalers)
    call("extra-single-image", image=b64(), upscaler_1="None")
    call("extra-batch-images", imageList=[{"data": b64(), "name": "a"}], upscaler_1="Nearest")
    call("interrupt")
    call("skip")
    client.get("/sdapi/v1/progress")
    assert heard == [], json.dumps(heard, indent=1)
