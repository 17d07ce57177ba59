"""Models on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.services.downloads.server import running_server, sha256, weights
from tests.services.models import write_lora, write_model
from webui.contracts.settings import Settings
from webui.model_commands import MERGE_PROGRAM, run_models


class Terminal:
    """Runs commands over a folder, and keeps what they say and which programs they would start."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder, repository=folder, private_downloads=True)
        self.said: list[str] = []
        self.programs: list[list[str]] = []

    def run(self, *words: str) -> int:
        return run_models(words, self.settings, self.said.append, self._start)

    def _start(self, module: str, name: str, arguments: Sequence[str]) -> int:
        self.programs.append([module, *arguments])
        return 0


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    write_model(tmp_path / "models" / "a")
    write_model(tmp_path / "models" / "deep" / "b")
    write_lora(tmp_path / "models" / "loras" / "chalk.safetensors")
    (tmp_path / "models" / "bad.safetensors").write_bytes(b"x" * 100)
    return Terminal(tmp_path)


def test_everything_is_listed_and_one_is_shown(terminal: Terminal) -> None:
    assert terminal.run() == 0
    text = "\n".join(terminal.said)
    assert all(word in text for word in ("deep/b", "loras/chalk", "skipped", "bad.safetensors"))
    terminal.said.clear()
    assert terminal.run("show", "chalk") == 0
    assert any(line.split() == ["kind", "lora"] for line in terminal.said)


def test_an_unknown_name_is_a_sentence(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.run("show", "none") == 1
    assert "'none'" in capsys.readouterr().err


def test_one_is_deleted_into_the_bin(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("delete", "loras/chalk") == 0
    assert (tmp_path / "models" / ".bin" / "loras" / "chalk.safetensors").is_file()
    assert terminal.run("show", "chalk") == 1


def test_one_is_installed_with_its_hash_checked(terminal: Terminal, tmp_path: Path) -> None:
    with running_server() as server:
        server.put("/ink.safetensors", weights())
        source = server.address + "/ink.safetensors"
        assert terminal.run("install", source, "--kind", "lora", "--sha256", "0" * 64) == 1
        assert "was changed" in terminal.said[-1]
        arguments = ("--kind", "lora", "--name", "pen", "--sha256", sha256(weights()))
        assert terminal.run("install", source, *arguments) == 0
    assert terminal.said[-1] == "It is loras/pen.safetensors."
    assert (tmp_path / "models" / "loras" / "pen.safetensors").read_bytes() == weights()


def test_a_merge_names_paths_and_passes_its_flags_on(terminal: Terminal, tmp_path: Path) -> None:
    models = tmp_path / "models"
    words = ("merge", "mix", "a", "b", "--ratio", "0.3", "--lora", "chalk:0.5", "--lora", "chalk")
    assert terminal.run(*words) == 0
    lora = str(models / "loras" / "chalk.safetensors")
    assert terminal.programs == [[
        MERGE_PROGRAM, str(models / "checkpoints" / "mix"), str(models / "a"), str(models / "deep" / "b"),
        "--lora", f"{lora}:0.5", "--lora", f"{lora}:1", "--ratio", "0.3",
    ]]  # fmt: skip
