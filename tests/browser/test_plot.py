"""An X/Y/Z plot in the page: chosen, measured, drawn, and filled in again from its grid."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.browser.conftest import RunningStudio

pytestmark = pytest.mark.browser


def test_a_plot_is_measured_drawn_and_comes_back_from_its_grid(
    page: Any, shared_studio: RunningStudio
) -> None:
    page.fill("#txt2img-prompt textarea", "a boat at dawn")
    page.click("#txt2img-fold-plot > button")
    page.wait_for_selector("#txt2img-plot option[value=steps]", state="attached")
    page.select_option("[aria-label='X axis']", "steps")
    page.fill("[aria-label='X values']", "2-4 (+2)")
    page.press("[aria-label='X values']", "Tab")
    page.select_option("[aria-label='Y axis']", "sampler")
    page.select_option("[aria-label='Add to the Y values']", "Euler")
    page.select_option("[aria-label='Add to the Y values']", "Heun")
    page.wait_for_selector(".ez-plot-said:has-text('2 × 2 = 4 pictures, 12 steps')")
    page.click("[aria-label='Swap X and Y']")
    assert page.input_value("[aria-label='X values']") == "Euler, Heun"
    page.click("#txt2img-plot-go")
    grid = "document.querySelector('.ez-stage .ez-picture')?.naturalWidth === 281 + 71"
    page.wait_for_function(grid, timeout=30_000)
    (job,) = [one for one in jobs_of(shared_studio) if one["request"]["plot"]]
    assert job["request"]["plot"]["x"] == {"axis": "sampler", "values": "Euler, Heun"}
    page.evaluate("localStorage.removeItem('easel.form.txt2img')")
    page.reload()
    page.wait_for_selector(".ez-actions button:has-text('Restore')")
    page.click(".ez-actions button:has-text('Restore')")
    page.wait_for_function(
        "getComputedStyle(document.querySelector('#txt2img-fold-plot')).getPropertyValue('--ez-said')"
        ".includes('sampler × steps')"
    )


def jobs_of(studio: RunningStudio) -> list[Any]:
    with urllib.request.urlopen(f"{studio.address}/api/v1/jobs?limit=50") as answer:
        found: list[Any] = json.load(answer)
    return found
