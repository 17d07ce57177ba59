"""When a job has its turn: chosen in the form, shown on the stage, changed in the queue."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio, watched_page
from tests.browser.painting import until_request
from tests.browser.test_page import PROMPT

pytestmark = pytest.mark.browser

TURN = "#txt2img-priority input"
ROW = ".ez-drawer .ez-row"


def order(studio: RunningStudio, **fields: Any) -> None:
    body = json.dumps({"steps": 1000, "width": 256, "height": 256, **fields}).encode()
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{studio.address}/api/v1/jobs", body, headers))


def test_a_job_waits_in_the_background_and_is_brought_to_the_front(
    browser: Any, own_studio: RunningStudio
) -> None:
    for number in range(20):
        order(own_studio, prompt=f"theirs {number}", count=20)
    with watched_page(browser, own_studio.address) as page:
        page.fill(PROMPT, "mine")
        page.click(TURN)
        page.click("[role=option]:has-text('Background')")
        page.click("#txt2img-generate")
        request = until_request(own_studio.address, prompt="mine")
        assert request["priority"] == "Low"
        page.wait_for_selector(".ez-said:has-text('before this one')")
        page.wait_for_selector(".ez-detail:text-is('in the background: others go first')")
        page.click(".ez-queue")
        mine = f"{ROW}:has-text('mine')"
        page.wait_for_selector(f"{mine} select")
        page.locator(mine).scroll_into_view_if_needed()
        assert page.locator(ROW).last.inner_text().startswith("mine")
        page.select_option(f"{mine} select", "High")
        page.wait_for_selector(
            f"{mine} small:text-is('Next in line'), {mine} small:has-text('Step')"
        )


def test_the_queue_goes_into_a_file_and_comes_out_of_it(
    page: Any, shared_studio: RunningStudio, tmp_path: Path
) -> None:
    page.click(".ez-queue")
    page.click(".ez-drawer-pause:has-text('Pause')")
    page.wait_for_selector(".ez-drawer-pause:has-text('Resume')")
    assert page.get_attribute(".ez-queue-save", "aria-disabled") == "true"
    order(shared_studio, prompt="for the file", steps=3)
    page.wait_for_selector(f"{ROW}:has-text('for the file')")
    with page.expect_download() as saved:
        page.click(".ez-queue-save:not([aria-disabled='true'])")
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    page.click(f"{ROW} button[aria-label='Cancel this job']")
    page.wait_for_selector(".ez-drawer-empty:visible")
    page.set_input_files(".ez-drawer-file input", file)
    page.wait_for_selector("text=1 job was added.")
    page.click(f"{ROW}:has-text('for the file') button[aria-label='Cancel this job']")
    page.wait_for_selector(".ez-drawer-empty:visible")
    page.click(".ez-drawer-pause")
    page.wait_for_selector(".ez-drawer-pause:has-text('Pause')")
