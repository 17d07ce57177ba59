"""One studio for each data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.instance import AlreadyRunning, InstanceLock


def test_a_second_studio_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    first = InstanceLock(tmp_path)
    first.announce("http://127.0.0.1:7860")
    with pytest.raises(AlreadyRunning, match=r"127\.0\.0\.1:7860.*--data-dir"):
        InstanceLock(tmp_path)
    first.release()


def test_a_released_folder_can_be_taken_again(tmp_path: Path) -> None:
    InstanceLock(tmp_path).release()
    InstanceLock(tmp_path).release()


def test_word_that_a_crash_left_behind_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "easel.lock").write_text("http://127.0.0.1:1")
    InstanceLock(tmp_path).release()
