"""The start on a machine that has only Python: environment, pins, stamp, sentences."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import launch

REPOSITORY = Path(launch.__file__).parent


@pytest.fixture(scope="module")
def made_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real virtual environment with pip, and nothing else in it. Its making takes seconds."""
    return launch.make_environment(tmp_path_factory.mktemp("made") / "environment")


@pytest.fixture
def environment(made_environment: Path) -> Path:
    """The environment, as if nothing had been installed yet."""
    (made_environment.parent.parent / launch.STAMP).unlink(missing_ok=True)
    return made_environment


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """A requirements file that every environment with pip meets without a network."""
    file = tmp_path / "requirements.txt"
    file.write_text("pip\n")
    return file


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (2, 7)])
def test_a_python_without_wheels_is_refused_with_a_sentence(version: tuple[int, int]) -> None:
    with pytest.raises(launch.LaunchError, match=r"3\.10 to 3\.13"):
        launch.check_python(version, "cpython")


def test_pypy_is_refused() -> None:
    with pytest.raises(launch.LaunchError, match="pypy"):
        launch.check_python((3, 11), "pypy")


@pytest.mark.parametrize("version", [(3, 10), (3, 11), (3, 12), (3, 13)])
def test_every_supported_python_is_taken(version: tuple[int, int]) -> None:
    launch.check_python(version, "cpython")


def test_an_environment_is_made_once_and_kept(environment: Path) -> None:
    marker = environment.parent.parent / "kept"
    marker.touch()
    assert launch.make_environment(environment.parent.parent) == environment
    assert marker.exists()


def test_an_environment_whose_making_was_interrupted_is_made_again(tmp_path: Path) -> None:
    broken = tmp_path / "environment"
    (broken / "bin").mkdir(parents=True)
    (broken / "bin/python").symlink_to(sys.executable)
    python = launch.make_environment(broken)
    assert subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def test_a_second_start_does_no_pip_work(
    environment: Path, requirements: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    launch.install(environment, [requirements])
    assert "Installing" in capfd.readouterr().out
    launch.install(environment, [requirements])
    assert capfd.readouterr().out == ""


def test_changed_requirements_are_installed_again(
    environment: Path, requirements: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    launch.install(environment, [requirements])
    requirements.write_text("pip>=1\n")
    capfd.readouterr()
    launch.install(environment, [requirements])
    assert "Installing" in capfd.readouterr().out


def test_a_failed_install_leaves_no_stamp_and_says_so(
    environment: Path, requirements: Path
) -> None:
    requirements.write_text(f"{requirements.parent}/no-such-file.whl\n")
    with pytest.raises(launch.LaunchError, match="next start tries again"):
        launch.install(environment, [requirements])
    assert not (environment.parent.parent / launch.STAMP).exists()


def test_a_plain_start_after_the_tests_installs_nothing(
    environment: Path, requirements: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tools = requirements.with_name("requirements-dev.txt")
    tools.write_text("pip\n# tools\n")
    launch.install(environment, [requirements, tools])
    capfd.readouterr()
    launch.install(environment, [requirements])
    assert capfd.readouterr().out == ""


def test_packages_that_go_alone_come_without_what_they_ask_for(
    environment: Path, requirements: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    alone = requirements.with_name("requirements-alone.txt")
    wheel = write_wheel(requirements.parent, "easel_lonely", needs="no-such-package-anywhere")
    alone.write_text(f"{wheel}\n")
    launch.install(environment, [requirements], alone)
    shown = [str(environment), "-m", "pip", "show", "easel_lonely"]
    assert b"no-such-package-anywhere" in subprocess.run(shown, capture_output=True).stdout
    capfd.readouterr()
    launch.install(environment, [requirements], alone)
    assert capfd.readouterr().out == ""
    alone.write_text(f"{wheel}\n# changed\n")
    launch.install(environment, [requirements], alone)
    assert "requirements-alone.txt" in capfd.readouterr().out


def write_wheel(folder: Path, name: str, needs: str) -> Path:
    """A package of nothing but its name and what it asks for."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            f"{about}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {needs}\n",
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return wheel


def test_the_active_environment_is_used_when_asked_for() -> None:
    assert launch.choose_python(["--no-venv"], {}) == Path(sys.executable)
    assert launch.choose_python([], {"EASEL_NO_VENV": "yes"}) == Path(sys.executable)


def test_help_needs_no_environment_and_no_package(tmp_path: Path) -> None:
    bare = [sys.executable, "-I", "-S", str(REPOSITORY / "launch.py"), "--help"]
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    for word in ("--listen", "--auth", "--data-dir", "EASEL_PORT", "train", "bench"):
        assert word in done.stdout


def test_the_program_is_found_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(REPOSITORY / "launch.py"), "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, env={**os.environ, "PYTHONPATH": "x"}
    )
    assert done.returncode == 0


def test_a_named_browser_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASEL_CHROMIUM", "/opt/chromium")
    assert launch.find_browser() == "/opt/chromium"


def test_without_a_browser_and_apt_the_tests_go_on_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EASEL_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    launch.provide_browser()
    assert "browser tests will be skipped" in " ".join(capsys.readouterr().out.split())
