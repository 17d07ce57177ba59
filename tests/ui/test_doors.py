"""Of Gradio the page's own addresses can be reached, and no file of the machine through any of them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.routes import App

from tests.ui.conftest import loops_closed
from webui.app import build_studio, ui_context
from webui.contracts.settings import Settings
from webui.ui import doors
from webui.ui.doors import holds_file, is_open
from webui.ui.mount import mount_ui

FILE = {"_type": "gradio.FileData"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where Gradio puts copies of what it serves."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def client(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The mounted page."""
    with loops_closed():
        folder = tmp_path_factory.mktemp("data")
        studio = build_studio(Settings(data_dir=folder, fake=True, open_browser=False))
        app = FastAPI()
        mount_ui(app, ui_context(studio))
        with TestClient(app) as made:
            yield made
        studio.lock.release()


def _handlers(client: TestClient) -> list[dict[str, Any]]:
    return [d for d in client.get("/config").json()["dependencies"] if d["backend_fn"]]


def _call(client: TestClient, handler: dict[str, Any], value: Any) -> str:
    """What a handler of the page says when all its values are this one."""
    values = [value] * len(handler["inputs"])
    said = {"fn_index": handler["id"], "data": values, "session_hash": "s"}
    return client.post("/gradio_api/run/predict", json=said).text


# Any: an application, or a router that was included in one, which FastAPI keeps as it was.
def _addresses(app: Any) -> Iterator[tuple[str, str]]:
    """Method and path of all that a Gradio application answers."""
    for route in app.routes:
        if hasattr(route, "original_router"):
            yield from _addresses(route.original_router)
        elif getattr(route, "methods", None):
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            yield from ((method, path) for method in route.methods)


def test_no_handler_takes_a_file_of_the_machine(
    client: TestClient, cache: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("xyzzy")
    handlers = _handlers(client)
    assert len(handlers) > 20
    for handler in handlers:
        assert "takes no files" in _call(client, handler, {"path": str(secret), "meta": FILE})
    within = {"value": [{"path": str(secret), "meta": FILE}]}
    assert "takes no files" in _call(client, handlers[0], within)
    assert not list(cache.rglob("secret*"))


def test_no_handler_fetches_an_address(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def resolve(name: object, *_: object, **__: object) -> None:
        asked.append(name)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    address = "https://models.example/picture.png"
    for handler in _handlers(client)[:3]:
        said = _call(client, handler, {"path": address, "url": address, "meta": FILE})
        assert "takes no files" in said
    assert asked == []


def test_gradios_own_check_of_paths_is_in_force_too(
    client: TestClient, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left out for pages that were never launched, as mounted ones are not."""
    monkeypatch.setattr(doors, "holds_file", lambda _: False)
    secret = tmp_path / "secret.txt"
    secret.write_text("xyzzy")
    said = _call(client, _handlers(client)[1], {"path": str(secret), "meta": FILE})
    assert "not uploaded by a user" in said
    assert not list(cache.rglob("secret*"))


def test_gradios_other_addresses_are_not_there(client: TestClient) -> None:
    closed = {(m, p) for m, p in _addresses(App.create_app(gr.Blocks())) if not is_open(m, p)}
    assert len(closed) > 50
    for method, path in closed - {("GET", "/openapi.json"), ("HEAD", "/openapi.json")}:  # ours
        answer = client.request(method, path, follow_redirects=False)
        assert answer.status_code == 404, f"{method} {path}"
        assert method == "HEAD" or "There is no address" in answer.json()["error"]
    for path in ("file=/etc/passwd", "file=https://evil.example/", "proxy=http://127.0.0.1:1/"):
        assert client.get(f"/gradio_api/{path}", follow_redirects=False).status_code == 404
    upload = client.post("/gradio_api/upload", files={"files": ("a.svg", b"<svg/>")})
    assert upload.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/run/predict", "/gradio_api/file=/assets/", "/assetsx", "/gradio_api/queue/join"],
)
def test_an_address_is_open_by_its_beginning_and_method_alone(path: str) -> None:
    assert not is_open("GET", path)
    assert not is_open("DELETE", "/assets/index.js")


def test_a_file_is_seen_however_deep_it_lies() -> None:
    file = {"path": "/a", "meta": FILE}
    assert holds_file([1, {"a": [{"b": (file,)}]}])
    assert not holds_file([{"path": "/a"}, {"meta": FILE}, "gradio.FileData", None])
    deep: Any = file
    for _ in range(5000):
        deep = [deep]
    assert holds_file(deep)
