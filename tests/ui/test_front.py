"""What comes first in the page: addresses by which its modules may be kept, until one of them changes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from webui.ui.context import UiContext
from webui.ui.front import Edition, with_front
from webui.ui.mount import mount_ui

PAGE = b"<html><head><meta><script>window.gradio_config = {};</script></head></html>"


def served(context: UiContext) -> TestClient:
    app = FastAPI()
    mount_ui(app, context)
    return TestClient(app)


def test_an_edition_is_another_one_when_any_file_changes(tmp_path: Path) -> None:
    below = tmp_path / "canvas" / "a.js"
    below.parent.mkdir()
    below.write_text("one", "utf-8")
    edition = Edition([tmp_path])
    first = edition.latest
    assert edition.look() == first
    os.utime(below, (1, 1))  # another time, and no later one
    assert edition.look() == edition.latest != first


def test_modules_are_named_with_their_edition_before_any_script() -> None:
    text = with_front(PAGE, "abc").decode()
    names = json.loads(re.findall('<script type="importmap">(.*?)</script>', text)[0])["imports"]
    own = "/assets/easel/@abc/"
    assert names == {"/assets/easel/": own, own: own}
    assert text.index("importmap") < text.index("modulepreload") < text.index("gradio_config")
    assert text.index("gradio_config = {}") < text.index("setPrototypeOf")


def test_a_page_without_gradios_data_is_not_given_a_script_that_would_fail() -> None:
    assert b"setPrototypeOf" not in with_front(b"<html><head></head></html>", "abc")


def test_a_module_is_kept_by_its_edition_and_asked_for_by_another(context: UiContext) -> None:
    with served(context) as client:
        page = client.get("/")
        assert page.headers["content-length"] == str(len(page.content))
        (own,) = set(re.findall('href="(/assets/easel/@[0-9a-f]+/)', page.text))
        for name in ("stage.js", "canvas/canvas.js"):
            kept = client.get(own + name)
            assert (kept.status_code, kept.headers["cache-control"]) == (200, "max-age=31536000, immutable")  # fmt: skip
            earlier = client.get(f"/assets/easel/@older/{name}")
            assert (earlier.content, earlier.headers["cache-control"]) == (kept.content, "no-cache")


def test_gradios_modules_are_named_by_their_content_and_kept(context: UiContext) -> None:
    with served(context) as client:
        (script,) = re.findall(r'src="\.(/assets/index-[^"]+\.js)"', client.get("/").text)
        assert client.get(script).headers["cache-control"] == "max-age=31536000, immutable"
        assert "immutable" not in client.get("/assets/none.js").headers.get("cache-control", "")
