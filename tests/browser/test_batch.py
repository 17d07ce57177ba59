"""Many pictures for one form: chosen, drawn as a batch, and stopped as one."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio
from tests.browser.painting import photograph, png

pytestmark = pytest.mark.browser


def jobs_of(studio: RunningStudio) -> list[Any]:
    with urllib.request.urlopen(f"{studio.address}/api/v1/jobs?limit=50") as answer:
        return [job for job in json.load(answer) if job["request"]["batch"]]


@pytest.fixture
def waiting_queue(shared_studio: RunningStudio) -> Iterator[None]:
    """Nothing is drawn meanwhile: three jobs of sixty steps, the most that the form takes, are over in a second."""
    pause(shared_studio, True)
    yield
    pause(shared_studio, False)


def pause(studio: RunningStudio, wanted: bool) -> None:
    headers = {"content-type": "application/json"}
    body = json.dumps({"paused": wanted}).encode()
    address = f"{studio.address}/api/v1/queue"
    urllib.request.urlopen(urllib.request.Request(address, body, headers, method="PUT"))


@pytest.mark.usefixtures("waiting_queue")
def test_pictures_become_a_batch_a_broken_one_is_named_and_all_are_cancelled_at_once(
    page: Any, shared_studio: RunningStudio
) -> None:
    page.faults.clear()
    page.click(".ez-nav a[data-tab=img2img]")
    page.wait_for_selector("#img2img-generate")
    page.click("#img2img-fold-batch > button")
    files = [
        {"name": f"p{i}.png", "mimeType": "image/png", "buffer": png(photograph(128, 96, 40 + i))}
        for i in range(3)
    ]
    broken = {"name": "torn.png", "mimeType": "image/png", "buffer": b"torn"}
    page.set_input_files("#img2img-batch input[type=file]", [*files, broken])
    page.wait_for_selector("#img2img-batch-go:has-text('Generate all 3'):enabled")
    assert "torn.png: The file is no picture" in page.inner_text("#img2img-batch .ez-bad")
    page.fill("#img2img-prompt textarea", "many at once")
    page.click("#img2img-batch-go")
    page.wait_for_selector("#img2img-batch button:has-text('Cancel all'):visible")
    page.evaluate("import('/assets/easel/queue.js').then((m) => m.openQueue())")
    page.wait_for_selector(".ez-row-batch:has-text('Batch,')")
    listed = jobs_of(shared_studio)
    assert sorted(job["request"]["source_name"] for job in listed) == ["p0.png", "p1.png", "p2.png"]
    assert len({job["request"]["batch"] for job in listed}) == 1
    page.click(".ez-row-batch button")
    page.wait_for_selector(".ez-drawer-empty:visible")
    assert {job["state"] for job in jobs_of(shared_studio)} == {"cancelled"}
    page.evaluate("document.querySelector('.ez-drawer').close()")
    page.click("#img2img-batch button:has-text('Empty the list')")
    assert [fault for fault in page.faults if "400" not in fault] == []
    page.faults.clear()
