"""The extensions of past editions are kept for ever as they are: what was written for them must go on working."""

from __future__ import annotations

import hashlib
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[1] / "hooks" / "fixtures"
DIGESTS = {
    "first_edition": "1bb3021795c5f244c12034752f03d0542e414489708f168eb6130150c67762ef",
    "second_edition": "d56c54b3497df87b9430a9fe6be8d980346304da1ebed798a8fd02c9e37aec69",
    "third_edition": "dfde3b2eea758f40d2df418673d1d80ff4580da1455b73540c5741aa45944989",
}
"""SHA-256 over names and contents of an edition's files."""


def digest_of(folder: Path) -> str:
    """Of each file's path and content in order of the paths; caches of Python are no part of it."""
    files = [
        each for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts
    ]
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda each: each.relative_to(folder).as_posix()):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        for part in (file.relative_to(folder).as_posix().encode(), content):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def test_editions_are_as_they_were_written() -> None:
    there = {each.name: digest_of(each) for each in FIXTURES.iterdir() if each.is_dir()}
    changed = [name for name, digest in DIGESTS.items() if there.get(name) != digest]
    new = [
        f'    "{name}": "{digest}",'
        for name, digest in sorted(there.items())
        if name not in DIGESTS
    ]
    assert not changed, (
        f"The editions {', '.join(changed)} were changed or removed; they stand for extensions that people have, so put "
        "them back and repair what they fail on. What is new goes into another edition."
    )
    assert not new, (
        "A new edition is kept by its digest; add to DIGESTS in this file:\n" + "\n".join(new)
    )
