from __future__ import annotations

import json
from pathlib import Path

from webui.ui.samples import STARTERS, read_samples


def test_without_a_list_the_starters_are_shown(tmp_path: Path) -> None:
    assert read_samples(tmp_path) == STARTERS


def test_a_damaged_list_shows_the_starters(tmp_path: Path) -> None:
    (tmp_path / "samples.json").write_text("{not json")
    assert read_samples(tmp_path) == STARTERS


def test_a_card_whose_picture_is_missing_has_none(tmp_path: Path) -> None:
    entries = [
        {"prompt": "a", "seed": 1, "file": "a.webp"},
        {"prompt": "b", "seed": 2, "file": "b.webp"},
    ]
    (tmp_path / "samples.json").write_text(json.dumps(entries))
    (tmp_path / "a.webp").write_bytes(b"RIFF")
    first, second = read_samples(tmp_path)
    assert first.as_json()["picture"] == "/assets/easel/samples/a.webp"
    assert second.as_json() == {"prompt": "b", "seed": 2, "picture": None}
