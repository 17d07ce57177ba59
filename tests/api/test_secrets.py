"""Of a studio with a login nothing is told to strangers, and its secrets to nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings
from webui.app import Studio, build_studio

PASSWORD, TOKEN = "xyzzy-password", "xyzzy-token"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    tokens = {"https://huggingface.co": TOKEN, "https://civitai.com": TOKEN}
    made = build_studio(fake_settings(tmp_path, user="ann", password=PASSWORD, tokens=tokens))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    with TestClient(studio.guarded, base_url=ORIGIN, raise_server_exceptions=False) as made:
        yield made


# Any: an application, or a router that was included in one, which FastAPI keeps as it was.
def _addresses(app: Any, before: str = "") -> Iterator[tuple[str, str]]:
    for route in app.routes:
        if hasattr(route, "original_router"):
            yield from _addresses(route.original_router, before + route.include_context.prefix)
        elif getattr(route, "methods", None):
            path = before + re.sub(r"\{[^}]*\}", "x", route.path)
            yield from ((method, path) for method in route.methods)


def _streams(path: str) -> bool:
    return path.endswith("/events")


def test_a_stranger_gets_nothing_but_the_way_to_the_login(
    client: TestClient, studio: Studio
) -> None:
    addresses = {*_addresses(studio.api)}
    assert len(addresses) > 100
    for method, path in sorted(addresses):
        answer = client.request(method, path, follow_redirects=False)
        assert answer.status_code == 401, f"{method} {path}"
        page = {"accept": "text/html"}
        if method == "GET":
            led = client.get(path, headers=page, follow_redirects=False)
            assert led.headers["location"].startswith("/login?next="), path
    for path in ("/config", "/gradio_api/run/predict", "/assets/easel/stage.js", "/nowhere"):
        assert client.post(path).status_code == 401
        assert client.get(path).status_code == 401


def test_secrets_are_in_no_answer(
    client: TestClient, studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    client.auth = ("ann", PASSWORD)
    answered = 0
    for method, path in sorted({*_addresses(studio.api)}):
        if _streams(path) or method not in ("GET", "POST", "PATCH"):
            continue
        answer = client.request(method, path, json={} if method != "GET" else None)
        assert answer.status_code != 401, path
        answered += answer.status_code == 200
        for told in (answer.text, str(answer.headers)):
            assert PASSWORD not in told, f"{method} {path}"
            assert TOKEN not in told, f"{method} {path}"
    assert answered > 30
    for told in (caplog.text, repr(studio.settings)):
        assert "xyzzy" not in told
