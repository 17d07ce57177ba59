"""The README's pictures of the page: `python -m tests.browser.screenshots`.

Starts a studio with the starter model in an empty folder, uses it in Debian's chromium as a person
would, and writes `docs/images/txt2img.png` (wide, light) and `docs/images/phone.png` (phone, dark).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, visit
from tests.studio import REPOSITORY, Studio, seconds_until, started_studio

FOLDER = REPOSITORY / "docs" / "images"
PROMPTS = (
    ("two white boats in the centre, a calm lake at night, a full moon", 9),
    ("three pines on the right, a snowy field with mountains at dawn", 7),
    ("a purple balloon in the middle, sand dunes during the day", 8),
    ("a red boat on the left, a yellow balloon on the right, the sea at sunrise", 11),
    ("a blue house on the right, a tree to the left, a meadow in daylight, in autumn", 12),
    ("a red house on the left, a green meadow with mountains at sunset", 12),
)


def main() -> None:
    """Take both pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, started_studio(Path(folder)) as studio:
        seconds_until(studio, "/", b"gradio-app", 90)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            wide = chromium.new_context(viewport={"width": 1440, "height": 900})
            _use(wide.new_page(), studio, FOLDER / "txt2img.png")
            phone = chromium.new_context(
                viewport={"width": 390, "height": 844}, color_scheme="dark", device_scale_factor=2
            )
            _use(phone.new_page(), studio, FOLDER / "phone.png")
            chromium.close()


def _use(page: Any, studio: Studio, path: Path) -> None:
    visit(page, studio.address)
    for i, (prompt, seed) in enumerate(PROMPTS):
        page.fill("#txt2img-prompt textarea", prompt)
        page.fill("#txt2img-seed input", str(seed))
        page.press("#txt2img-seed input", "Tab")
        page.click("#txt2img-generate")
        page.wait_for_function(
            f"document.querySelectorAll('.ez-strip .ez-item:not(.ez-item-job)').length === {i + 1}",
            timeout=60_000,
        )
    page.wait_for_timeout(800)
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
