"""`launch.py pictures` tells of the bin and empties it after a yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.conftest import make_services
from webui.cli import main
from webui.contracts.messages import PictureReady
from webui.picture_commands import run_pictures


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """With one picture in the bin."""
    services = make_services(tmp_path)
    job = services.submit(width=64, height=64)
    picture = services.gallery.save(job, PictureReady(job.id, 0, 1, 64, 64, bytes(64 * 64 * 3)))
    services.jobs.cancel(job.id)
    services.gallery.delete(picture.id)
    services.database.dispose()
    return tmp_path


def _ran(data_dir: Path, *words: str, answer: str | None = None) -> tuple[int, str]:
    said: list[str] = []

    def ask(question: str) -> str:
        said.append(question)
        if answer is None:
            raise EOFError
        return answer

    return run_pictures(words, data_dir, said.append, ask), " ".join(said)


def test_the_bin_is_told_of(data_dir: Path) -> None:
    assert _ran(data_dir) == (0, "In the bin: 1 picture, 0.0 MiB.")


@pytest.mark.parametrize("answer", [None, "", "no", "y"])
def test_nothing_but_a_yes_empties_it(data_dir: Path, answer: str | None) -> None:
    status, said = _ran(data_dir, "empty-bin", answer=answer)
    assert (status, said.endswith("Nothing was removed.")) == (1, True)
    assert "1 picture" in _ran(data_dir, "bin")[1]


@pytest.mark.parametrize(("words", "answer"), [((), "Yes "), (("--yes",), None)])
def test_a_yes_empties_it(data_dir: Path, words: tuple[str, ...], answer: str | None) -> None:
    status, said = _ran(data_dir, "empty-bin", *words, answer=answer)
    assert (status, said.endswith("Removed: 1 picture, 0.0 MiB.")) == (0, True)
    assert _ran(data_dir, "empty-bin") == (0, "The bin is empty.")


def test_an_empty_folder_has_no_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pictures", "--data-dir", str(tmp_path)]) == 0
    assert "no record of pictures" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status"), [(["--help"], 0), (["dance"], 2), (["bin", "--everything"], 2)]
)
def test_what_it_takes_is_shown(
    words: list[str], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pictures", *words, "--data-dir", str(tmp_path)]) == status
    assert "empty-bin" in capsys.readouterr().out
