"""A page that nobody sees holds no connection, and has missed nothing when it is seen again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, watched_page
from tests.browser.test_page import FINISHED

pytestmark = pytest.mark.browser

WATCH = """
window.streams = [];
window.EventSource = class extends EventSource { constructor(...all) { super(...all); streams.push(this); } };
window.away = false;
Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true });
"""
OPEN = "streams.filter((stream) => stream.readyState !== EventSource.CLOSED).map((stream) => new URL(stream.url).pathname)"
DOWNLOAD = {
    "id": "d1", "title": "a lora", "state": "running", "bytes_done": 5, "bytes_total": 10, "target": "",
    "error": None, "bytes_per_second": None, "seconds_left": None,
}  # fmt: skip


@pytest.fixture
def watched(browser: Any, shared_studio: RunningStudio) -> Iterator[Any]:
    """A page whose streams are counted, and which can be hidden."""
    with watched_page(browser, shared_studio.address, first=WATCH) as page:
        yield page


def hide(page: Any, away: bool) -> None:
    page.evaluate(
        "(away) => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }",
        away,
    )


def ordered(page: Any, prompt: str, steps: int, count: int = 1) -> str:
    """A job of this page; its id."""
    job: str = page.evaluate(
        """async ([prompt, steps, count]) => {
          const { post } = await import('/assets/easel/api.js');
          const { id } = await post('/jobs', { prompt, steps, count });
          await (await import('/assets/easel/store.js')).add(id);
          return id;
        }""",
        [prompt, steps, count],
    )
    return job


def asked(studio: RunningStudio, path: str, method: str = "GET") -> Any:
    order = urllib.request.Request(f"{studio.address}/api/v1{path}", method=method)
    with urllib.request.urlopen(order) as answer:
        return json.load(answer)


def test_hidden_it_holds_no_stream_and_seen_again_it_follows_its_job(
    watched: Any, shared_studio: RunningStudio
) -> None:
    job = ordered(watched, "for a long time", 1000, count=20)
    own = f"/api/v1/jobs/{job}/events"
    watched.wait_for_function(f"{OPEN}.length === 2")
    assert set(watched.evaluate(OPEN)) == {"/api/v1/events", own}
    hide(watched, True)
    assert watched.evaluate(OPEN) == []
    watched.wait_for_timeout(3500)  # longer than the page waits before it opens a lost one again
    assert watched.evaluate(OPEN) == []
    hide(watched, False)
    watched.wait_for_function(f"{OPEN}.includes('{own}') && {OPEN}.includes('/api/v1/events')")
    asked(shared_studio, f"/jobs/{job}", "DELETE")
    watched.wait_for_function(f"{OPEN}.length === 1")
    watched.wait_for_selector(".ez-notice:has-text('Cancelled')")


def test_a_picture_that_was_finished_meanwhile_is_there(
    watched: Any, shared_studio: RunningStudio
) -> None:
    before = watched.locator(FINISHED).count()
    job = ordered(watched, "behind ones back", 300)
    hide(watched, True)
    for _ in range(400):
        if asked(shared_studio, f"/jobs/{job}")["state"] == "done":
            break
        watched.wait_for_timeout(100)
    hide(watched, False)
    watched.wait_for_function(
        f"document.querySelectorAll('{FINISHED}').length === {before + 1}", timeout=4000
    )
    watched.wait_for_selector(".ez-said:has-text('Seed ')")


def test_lists_are_what_they_are_on_the_server_when_it_is_seen_again(watched: Any) -> None:
    downloads = [DOWNLOAD]
    library: list[Any] = []
    watched.route("**/api/v1/downloads", lambda route: route.fulfill(json=downloads))
    watched.reload()
    watched.wait_for_selector("#txt2img-generate")
    watched.click(".ez-nav a[data-tab=models]")
    watched.wait_for_selector(".ez-library-download:has-text('a lora')")
    watched.wait_for_selector(".ez-library-card")
    hide(watched, True)
    downloads.clear()
    watched.route(
        "**/api/v1/library", lambda route: route.fulfill(json={"items": library, "problems": []})
    )
    hide(watched, False)
    watched.wait_for_selector(".ez-library-download", state="detached")
    watched.wait_for_selector(".ez-library-card", state="detached")


@pytest.mark.parametrize("was_open", [True, False])
def test_a_stream_that_broke_off_counts_as_a_page_that_was_away(
    watched: Any, was_open: bool
) -> None:
    stream = "streams.find((stream) => stream.url.endsWith('/api/v1/events'))"
    if not was_open:
        watched.route("**/api/v1/events", lambda _: None)  # it is not answered
        watched.reload()
    watched.wait_for_function(f"{stream}?.readyState === {int(was_open)}")
    watched.unroute("**/api/v1/events")
    watched.evaluate(
        "window.again = 0; document.addEventListener('easel:again', () => { again++; });"
        f" {stream}.close()"
    )
    watched.wait_for_function("again === 1")
    assert watched.evaluate(OPEN) == ["/api/v1/events"]
