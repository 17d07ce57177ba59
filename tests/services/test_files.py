"""Files are there whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from webui.services.files import write_file


def test_a_written_file_is_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_file(tmp_path / "a" / "b.bin", b"data", partial=tmp_path / "partial")
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"data"
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "keep").write_bytes(b"old")
    with pytest.raises(OSError, match=r".+"):
        write_file(target, b"data", partial=tmp_path / "partial")
    assert (target / "keep").read_bytes() == b"old"
    assert list((tmp_path / "partial").iterdir()) == []
