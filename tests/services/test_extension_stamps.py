"""What tells that something about extensions has changed."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

from webui.services.extension_stamps import glance_at


def test_two_changes_within_one_step_of_the_clock_are_two(tmp_path: Path) -> None:
    folder, file = tmp_path / "extensions", tmp_path / "extensions.json"
    (folder / "book").mkdir(parents=True)
    file.write_text("[]")

    def glance() -> object:
        for path in (folder, file):
            os.utime(path, ns=(1, 1))
        return glance_at(folder, file, tmp_path / "nowhere")

    seen = [glance(), glance()]
    (folder / "book").rename(tmp_path / "book")
    seen.append(glance())
    (tmp_path / "book").rename(folder / "book")
    file.write_text('["book"]')
    seen.append(glance())
    assert [a == b for a, b in pairwise(seen)] == [True, False, False]
