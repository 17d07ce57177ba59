"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

MANIFEST = read_manifest(Path(__file__).resolve().parents[1])
book = load_module(MANIFEST, "book")
NOON = 1_700_000_000.0


def test_lines_are_read_newest_first_and_half_a_line_is_left_out(tmp_path: Path) -> None:
    made = book.Book(tmp_path)
    for i in range(3):
        made.add(book.Entry(time=NOON + i, what="job", said=f"line {i}"))
    (day,) = made.days()
    with (tmp_path / f"{day}.jsonl").open("a") as file:
        file.write('{"time": 17')
    assert [entry.said for entry in made.read(day)] == ["line 2", "line 1", "line 0"]
    assert made.read("../secret") == []


def test_old_days_go(tmp_path: Path) -> None:
    made = book.Book(tmp_path)
    for i in range(book.KEPT_DAYS + 3):
        made.add(book.Entry(time=NOON + i * 86_400, what="job", said="x"))
    assert len(made.days()) == book.KEPT_DAYS
