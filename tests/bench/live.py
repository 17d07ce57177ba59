"""How long after a stroke its picture is in the page: painted with the mouse in a real browser."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.bench.table import Row
from tests.browser.conftest import CHROMIUM, visit
from tests.browser.painting import open_canvas, stroke, until
from tests.studio import seconds_until, started_studio

STROKES = 20
SIDE = 128
WATCH = """async (tab) => {
  const store = await import('/assets/easel/store.js');
  const watch = window.easelWatch = { began: 0, moment: 0, seconds: null };
  document.addEventListener('easel:canvas', ({ detail }) => {
    if (detail.tab === tab && detail.finished)
      Object.assign(watch, { began: performance.now(), moment: Date.now() / 1000, seconds: null });
  });
  const picture = document.querySelector('.ez-picture');
  picture.addEventListener('load', () => {
    const job = store.all().find((one) => one.pictures?.some(({ id }) => picture.src.includes(id)));
    if (watch.began && job && job.created >= watch.moment && watch.seconds === null)
      watch.seconds = (performance.now() - watch.began) / 1000;
  });
}"""
"""Notes the seconds from the end of a stroke to the load, in the page, of a picture that was ordered after it.

Jobs are ordered while a stroke goes on, too; their pictures do not count.
"""


def live_rows() -> list[Row]:
    """The live tab with the fast model, and the semantic tab drawing as one paints."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, started_studio(Path(folder)) as studio:
        seconds_until(studio, "/", b"gradio-app", 90)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            for tab, model, goal in (
                ("live", "starter/turbo", 1.0),
                ("semantic", "starter/semantic", None),
                ("semantic", "starter/turbo", None),
            ):
                page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
                visit(page, studio.address)
                seconds = _median_of_strokes(page, tab, model)
                page.close()
                what = f"stroke to its picture in the {tab} tab, {model}, {SIDE}x{SIDE}"
                said = "" if goal is None else f"{goal:.1f} s"
                met = None if goal is None else seconds <= goal
                rows.append(Row(what, f"{seconds:.2f} s", said, met))
            chromium.close()
    return rows


def _median_of_strokes(page: Page, tab: str, model: str) -> float:
    """Of strokes one after another, each after the picture of the one before; the first does not count."""
    open_canvas(page, tab)
    page.wait_for_selector(f"#{tab}-generate")
    given = {"prompt": "a lake", "model": model, "width": SIDE, "height": SIDE}
    page.evaluate(
        "([tab, given]) => import('/assets/easel/form.js').then((m) => m.fill(tab, given))",
        [tab, given],
    )
    until(page, tab, f"desk.board.width === {SIDE}")
    page.wait_for_timeout(1500)
    page.set_checked(f"#{tab}-switch label:has-text('Draw as I paint') input", True)
    page.evaluate(WATCH, tab)
    colours = page.locator(f"#{tab}-canvas .ez-canvas-class")
    seconds = []
    for number in range(STROKES + 1):
        colours.nth(1 + number % 4).click()
        height = 8 + 5 * number
        stroke(page, tab, (16, height), (112, height))
        seconds.append(_seconds_to_picture(page))
    return statistics.median(seconds[1:])


def _seconds_to_picture(page: Page) -> float:
    page.wait_for_function("window.easelWatch.seconds !== null", timeout=60_000)
    found: Any = page.evaluate("window.easelWatch.seconds")
    return float(found)
