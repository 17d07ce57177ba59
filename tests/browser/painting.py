"""Hands for the canvas: bring pictures in, paint with mouse and fingers, look at both ends."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.request
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Numbers = NDArray[np.uint8]
DESK = "import('/assets/easel/canvas/canvas.js').then((m) => m.deskOf('{tab}'))"


RESET = """(() => {
  Object.assign(desk.options, { tool: 'brush', size: 48, softness: 0, tolerance: 16, value: 0 });
  Object.assign(desk.view, { angle: 0, mirrored: false, free: false });
  const blank = desk.kind === 'mask' ? { picture: null, pictureId: null, width: 64, height: 64, data: new Uint8Array(4096) } : { data: new Uint8Array(desk.board.layer.data.length) };
  desk.board.become({ ...blank, boxes: [] });
  Object.assign(desk.board.history, { past: [], future: [] });
  desk.view.fit();
})()"""


def cleared(page: Any, tab: str) -> None:
    """Open the tab with its canvas as it was at first."""
    page.faults.clear()
    page.expected_faults = []
    page.evaluate(
        "document.querySelectorAll('dialog[open]').forEach((dialog) => dialog.close());"
        "document.querySelectorAll('.ez-toast').forEach((toast) => toast.remove());"
        "window.scrollTo(0, 0)"
    )
    open_canvas(page, tab)
    on_desk(page, tab, f"desk.begun.then(() => {RESET})")


def png(picture: Image.Image) -> bytes:
    """A file of it."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth and different everywhere, and with each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def open_canvas(page: Any, tab: str) -> None:
    """Open the tab and wait for its canvas."""
    page.click(f".ez-nav a[data-tab={tab}]")
    page.wait_for_selector(f"#{tab}-canvas .ez-canvas-surface canvas")
    until(page, tab, "true")


def on_desk(page: Any, tab: str, expression: str) -> Any:
    """The value of an expression of `desk`, the tab's canvas."""
    return page.evaluate(f"{DESK.format(tab=tab)}.then((desk) => {expression})")


def until(page: Any, tab: str, condition: str) -> None:
    """Wait until a condition of `desk` holds.

    Raises:
        TimeoutError: it does not within thirty seconds.
    """
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if on_desk(page, tab, f"!!desk && !!({condition})"):
            return
        time.sleep(0.03)
    raise TimeoutError(f"On the canvas of {tab} it never holds that {condition}.")


def give(page: Any, selector: str, data: bytes, name: str = "a.png") -> None:
    """Press a button that asks for a file, and give it one."""
    with page.expect_file_chooser() as chooser:
        page.click(selector)
    kind = "application/json" if name.endswith(".json") else "image/png"
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": data})


def drop(page: Any, tab: str, data: bytes, name: str = "a.png") -> None:
    """Drop a file on a canvas."""
    page.evaluate(
        """([tab, text, name]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: 'image/png' }));
          const event = new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
          document.querySelector(`#${tab}-canvas .ez-canvas-stand`).dispatchEvent(event);
        }""",
        [tab, base64.b64encode(data).decode(), name],
    )


def place(page: Any, tab: str, x: float, y: float) -> tuple[float, float]:
    """Where a point of the board is in the window."""
    at = on_desk(page, tab, f"desk.view.toScreen({x}, {y})")
    box = page.locator(f"#{tab}-canvas .ez-canvas-surface").bounding_box()
    return box["x"] + at["x"], box["y"] + at["y"]


def stroke(page: Any, tab: str, *points: tuple[float, float]) -> None:
    """Draw with the mouse through points of the board."""
    page.mouse.move(*place(page, tab, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, tab, *point), steps=4)
    page.mouse.up()


def layer(page: Any, tab: str) -> Numbers:
    """The numbers that the canvas holds, (H, W)."""
    text, width = on_desk(
        page,
        tab,
        "[btoa(Array.from(desk.board.layer.data, (v) => String.fromCharCode(v)).join('')), desk.board.width]",
    )
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, width)


def slot(page: Any, tab: str, name: str) -> Any:
    """What the form holds of a parameter, once all is stored."""
    return page.evaluate(
        "async ([tab, name]) => { await (await import('/assets/easel/settled.js')).settled(tab);"
        " return (await import('/assets/easel/slots.js')).slotValue(tab, name); }",
        [tab, name],
    )


def stored(address: str, image_id: str) -> Image.Image:
    """An image as the server has it."""
    with urllib.request.urlopen(f"{address}/api/v1/images/{image_id}") as answer:
        return Image.open(io.BytesIO(answer.read()))


def until_request(address: str, **wanted: Any) -> dict[str, Any]:
    """The newest job's request, as soon as it has these values.

    Raises:
        TimeoutError: it does not within thirty seconds.
    """
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        request = latest_request(address)
        if all(request.get(name) == value for name, value in wanted.items()):
            return request
        time.sleep(0.05)
    raise TimeoutError(f"No job has {wanted}; the newest request is {latest_request(address)}.")


def latest_request(address: str) -> dict[str, Any]:
    """The request of the newest job; nothing where there is none yet."""
    with urllib.request.urlopen(f"{address}/api/v1/jobs?limit=1") as answer:
        jobs: list[dict[str, Any]] = json.load(answer)
    return dict(jobs[0]["request"]) if jobs else {}
