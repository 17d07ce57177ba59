"""What an extension uses is told without running it."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.hooks.declared import declared_hooks
from webui.hooks.manifest import read_manifest


def test_its_points_are_named_in_order_and_no_code_is_run(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "book", worker="def change_picture(): ...\ndef samplers(): ...\nraise SystemExit",
        studio="from .words import change_prompts\nfrom x import y as tabs\n\ndef helper(): ...\n1 / 0",
    )  # fmt: skip
    assert declared_hooks(read_manifest(folder)) == ("tabs", "change_prompts", "change_picture")


def test_a_module_that_cannot_be_read_names_none(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "book", studio="def tabs(:", worker="def change_picture(): ..."
    )
    assert declared_hooks(read_manifest(folder)) == ("change_picture",)


class _Dies:
    """Garbage that lets other threads run while it is collected, as that of many libraries does."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        time.sleep(0)


@pytest.fixture
def much_garbage() -> Iterator[None]:
    """It is collected all the time, and threads change places as often."""
    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("much_garbage")
def test_many_may_ask_at_a_time(tmp_path: Path) -> None:
    """From stacks of other depths, as requests and the watch do."""
    body = "\n".join(f"def f{i}(a):\n    return [a * {i} for _ in range({i})]" for i in range(25))
    errors: list[BaseException] = []

    def ask(depth: int, number: int) -> None:
        if depth:
            ask(depth - 1, number)
            return
        for turn in range(30):
            _Dies()
            folder = write_extension(
                tmp_path, f"book{number}", studio=f"{body}\ndef tabs(): ...\n# {turn}"
            )
            try:
                assert declared_hooks(read_manifest(folder)) == ("tabs",)
            except (SystemError, AssertionError) as error:
                errors.append(error)

    threads = [threading.Thread(target=ask, args=(9 * i, i)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
