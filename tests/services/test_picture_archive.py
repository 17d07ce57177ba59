"""Pictures of one file are what they were, under names that differ."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from webui.services.picture_archive import archive


def test_files_of_the_same_name_are_numbered_and_whole(tmp_path: Path) -> None:
    files = []
    for folder, name, size in (("a", "1.png", 3), ("b", "1.png", 2**21 + 5), ("c", "1.PNG", 0)):
        file = tmp_path / folder / name
        file.parent.mkdir()
        file.write_bytes(folder.encode() * size)
        files.append(file)
    pieces = list(archive(files))
    assert max(map(len, pieces)) < 2**20 + 1000
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as packed:
        assert packed.namelist() == ["1.png", "1-2.png", "1-3.PNG"]
        assert [packed.read(name) for name in packed.namelist()] == [f.read_bytes() for f in files]
