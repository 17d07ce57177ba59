"""An extension's own addresses and files are there while it is in use, and only inside of its own."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.hooks.writing import write_extension
from tests.workers.listening import SECONDS, eventually
from webui.app import Studio

STUDIO = """
import time
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from webui.contracts.errors import BadRequest
from webui.contracts.page import PageTab
from webui.hooks.specs import hookimpl

class Note(BaseModel):
    text: str

class Settings(BaseModel):
    greeting: str = "hello"

@hookimpl
def settings():
    return Settings

@hookimpl
def tabs():
    return [PageTab("notes", "Notes", "tab.js")]

@hookimpl
def routes(access):
    router = APIRouter()

    @router.get("/notes/{id}")
    def note(id: int) -> dict[str, object]:
        return {"id": id, "greeting": access.settings().greeting, "extension": access.extension}

    @router.post("/notes")
    def keep(note: Note) -> Note:
        (access.folder / "note").write_text(note.text)
        return note

    @router.get("/refused")
    def refused():
        raise BadRequest("Not today.")

    @router.get("/broken")
    def broken():
        raise RuntimeError("no notes")

    def late():
        time.sleep(1.5)
        yield "late"

    @router.get("/slow")
    def slow() -> str:
        return next(late())

    @router.get("/stuck")
    def stuck(number: int) -> str:
        (access.folder / f"began-{number}").touch()
        while not (access.folder / "go").exists():
            time.sleep(0.01)
        return "gone"

    @router.get("/stream")
    def stream():
        return StreamingResponse(late(), media_type="text/plain")

    return router
"""
OWN = "/api/v1/extensions/book"


@pytest.fixture
def book(client: TestClient, studio: Studio, tmp_path: Path) -> TestClient:
    folder = write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    (folder / "static").mkdir()
    (folder / "static" / "tab.js").write_text("export const mount = () => {};")
    (tmp_path / "secret.js").write_text("secret")
    (folder / "static" / "link.js").symlink_to(tmp_path / "secret.js")
    studio.context.extensions.enable("book")
    assert studio.context.extensions.status("book").failures == ()
    return client


def test_a_route_has_the_studio_and_its_own_settings(book: TestClient, tmp_path: Path) -> None:
    assert book.get(f"{OWN}/notes/3").json() == {"id": 3, "greeting": "hello", "extension": "book"}
    book.put(f"{OWN}/settings", json={"greeting": "hi"})
    assert book.get(f"{OWN}/notes/3").json()["greeting"] == "hi"
    assert book.post(f"{OWN}/notes", json={"text": "a boat"}).json() == {"text": "a boat"}
    assert (tmp_path / "outputs/.extensions/book/note").read_text() == "a boat"
    described = book.get(f"{OWN}/openapi.json").json()
    assert set(described["paths"]) == {
        "/notes/{id}",
        "/notes",
        "/refused",
        "/broken",
        "/stuck",
        "/slow",
        "/stream",
    }


def test_its_errors_are_of_the_one_form_and_a_failure_is_named(
    book: TestClient, studio: Studio
) -> None:
    wrong = book.get(f"{OWN}/notes/x")
    assert (wrong.status_code, wrong.json()["problems"][0]["field"]) == (422, "id")
    assert book.get(f"{OWN}/refused").json() == {"error": "Not today."}
    assert "There is no address" in book.get(f"{OWN}/nothing").json()["error"]
    broken = book.get(f"{OWN}/broken")
    assert broken.status_code == 500
    assert broken.json()["error"].startswith("The extension 'book' failed in its route '/broken'")
    failures = studio.context.extensions.status("book").failures
    (failure,) = [each for each in failures if each.kind == "failed"]
    assert (failure.hook, failure.message) == ("routes", "RuntimeError: no notes")
    assert "in broken" in failure.trace


def test_an_answer_that_takes_long_to_begin_is_named_and_one_that_is_sent_for_long_is_not(
    book: TestClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.context.extensions.studio.host, "_budget", 1.0)
    for path, named in (("/stream", False), ("/slow", True)):
        assert book.get(f"{OWN}{path}").text.strip('"') == "late"
        slow = [
            f.hook for f in studio.context.extensions.status("book").failures if f.kind == "slow"
        ]
        assert slow == (["routes"] if named else [])


def test_routes_that_never_answer_leave_the_others_a_thread(
    book: TestClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.api.extension_routes.MOST_UNANSWERED", 3)
    folder, ends = studio.settings.outputs / ".extensions" / "book", list[int]()

    def ask(number: int) -> None:
        ends.append(book.get(f"{OWN}/stuck?number={number}").status_code)

    threads = [threading.Thread(target=ask, args=(i,), daemon=True) for i in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(list(folder.glob("began-*"))) == 3)
    answer = book.get(f"{OWN}/notes/1")
    assert answer.status_code == 503
    assert "'book' has 3 requests that it has not answered yet" in answer.json()["error"]
    failures = studio.context.extensions.status("book").failures
    assert [(f.hook, f.kind) for f in failures] == [("routes", "late")]
    (folder / "go").touch()
    for thread in threads:
        thread.join(SECONDS)
    assert ends == [200] * 3
    assert book.get(f"{OWN}/notes/1").status_code == 200


def test_another_origin_is_kept_from_its_routes(book: TestClient) -> None:
    headers = {"origin": "http://evil.test"}
    assert book.post(f"{OWN}/notes", json={"text": "x"}, headers=headers).status_code == 403


def test_its_files_are_served_and_nothing_beside_them(book: TestClient) -> None:
    module = book.get("/api/v1/extensions").json()[0]["page"]["tabs"][0]["module"]
    assert re.fullmatch(r"/extensions/book/@[0-9a-f]+/tab\.js", module)
    answer = book.get(module)
    assert answer.text.startswith("export const mount")
    assert answer.headers["cache-control"] == "no-cache"
    assert "javascript" in answer.headers["content-type"]
    assert book.get("/extensions/book/tab.js").text == answer.text
    for path in ("../studio.py", "..%2fstudio.py", "%2e%2e/studio.py", "link.js", "", "nothing.js",
                 "@1f/../studio.py", "@1f/..%2f..%2fstudio.py", "@1f/", "@1f/@1f/tab.js", "@x/tab.js"):  # fmt: skip
        assert book.get(f"/extensions/book/{path}").status_code == 404, path
    assert book.get("/extensions/gone/tab.js").status_code == 404


def test_all_of_it_goes_when_it_is_disabled(book: TestClient) -> None:
    book.put(OWN, json={"enabled": False})
    for path in (
        f"{OWN}/notes/3",
        f"{OWN}/openapi.json",
        f"{OWN}/settings",
        "/extensions/book/tab.js",
    ):
        assert book.get(path).status_code == 404, path
