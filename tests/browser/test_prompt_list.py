"""A list of prompts: typed or read from a file, ordered over the form's settings, and a wrong line named."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio

pytestmark = pytest.mark.browser

PANEL = "#txt2img-prompt-list"


def test_a_file_becomes_a_batch_and_a_wrong_line_is_named(
    page: Any, shared_studio: RunningStudio
) -> None:
    page.faults.clear()
    page.click(".ez-nav a[data-tab=txt2img]")
    page.wait_for_selector("#txt2img-generate")
    page.click("#txt2img-fold-prompts-from-a-list > button")
    page.wait_for_selector(f"{PANEL}-go:disabled")
    lines = b"a listed house\n\n--prompt a listed boat --steps 3\n"
    listed = {"name": "list.txt", "mimeType": "text/plain", "buffer": lines}
    page.set_input_files(f"{PANEL} input[type=file]", listed)
    page.wait_for_selector(f"{PANEL}-go:has-text('Draw 2 lines'):enabled")
    page.fill("#txt2img-prompt textarea", "by night")
    page.select_option(f"{PANEL} select >> nth=0", "end")
    page.click(f"{PANEL}-go")
    page.wait_for_selector(".ez-stage img")
    with urllib.request.urlopen(f"{shared_studio.address}/api/v1/jobs?limit=50") as answer:
        asked = [job["request"] for job in json.load(answer)]
    mine = {r["prompt"]: r["steps"] for r in asked if "listed" in r["prompt"]}
    assert set(mine) == {"by night a listed house", "by night a listed boat"}
    assert mine["by night a listed boat"] == 3
    page.fill(f"{PANEL} textarea", "a listed house\n--stepps 3")
    page.click(f"{PANEL}-go")
    page.wait_for_selector("text=Line 2 has the unknown setting --stepps")
    page.fill("#txt2img-prompt textarea", "")
    assert page.faults == []
