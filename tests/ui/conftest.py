"""Real services over a temporary folder, drawn by the fake worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from webui.app import build_studio, ui_context
from webui.contracts.settings import Settings
from webui.ui.context import UiContext


@contextmanager
def loops_closed() -> Iterator[None]:
    """Gradio makes an event loop for each lock outside a server, and never closes it."""
    made: list[asyncio.AbstractEventLoop] = []
    real = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        made.append(real())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", remembered)
        yield
    asyncio.set_event_loop(None)
    for loop in made:
        loop.close()


@pytest.fixture(autouse=True)
def gradios_loops() -> Iterator[None]:
    """In every test of the page; a fixture that lives longer uses `loops_closed` itself."""
    with loops_closed():
        yield


@pytest.fixture
def context(tmp_path: Path) -> Iterator[UiContext]:
    studio = build_studio(Settings(data_dir=tmp_path, fake=True, open_browser=False))
    yield ui_context(studio)
    studio.lock.release()
