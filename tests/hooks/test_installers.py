"""An extension that is imported cannot change the installed packages: the call is refused, and the extension named."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.hooks.installers import InstallerRefused
from webui.hooks.loading import guarded, load_arguments, load_module, unload
from webui.hooks.manifest import read_manifest


@pytest.mark.parametrize(
    ("code", "installer"),
    [
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', '--version'])", "pip"),
        ("import subprocess, sys\nsubprocess.check_call(f'{sys.executable} -m pip --version', shell=True)", "pip"),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'from pip._internal import main;main()'])", "pip"),
        ("import subprocess\nsubprocess.Popen(['/usr/bin/uv', 'pip', 'install', 'x'])", "uv"),
        ("import subprocess\nsubprocess.run(['pip3.12', '--version'])", "pip3.12"),
        ("import os, sys\nos.system(sys.executable + ' -m ensurepip --version')", "ensurepip"),
        ("import os, sys\nos.execv(sys.executable, [sys.executable, '-m', 'pip', '--version'])", "pip"),
        ("import os, sys\nos.posix_spawn(sys.executable, [sys.executable, '-m', 'easy_install'], {})", "easy_install"),
        ("import ensurepip\nensurepip.version()", "ensurepip"),
        ("import importlib\nimportlib.import_module('pip._internal.cli.main').main(['--version'])", "pip"),
        ("import os\ntry:\n    os.system('pip --version')\nexcept Exception:\n    pass", "pip"),
    ],
)  # fmt: skip
def test_an_installer_called_at_import_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, installer: str
) -> None:
    for module in [m for m in sys.modules if m.split(".")[0] in ("pip", "ensurepip")]:
        monkeypatch.delitem(sys.modules, module)
    manifest = read_manifest(write_extension(tmp_path, "greedy", studio=code))
    with pytest.raises(InstallerRefused) as caught:
        load_module(manifest, "studio")
    assert str(caught.value) == (
        f"The extension 'greedy' called {installer} while it was loaded; that was refused, and it is not used. "
        "An extension names the packages that it needs as `needs` in its extension.toml."
    )
    assert [name for name in sys.modules if name.startswith("easel_extensions.greedy")] == []


def test_its_arguments_and_what_it_offers_are_watched_too(tmp_path: Path) -> None:
    code = "import os\nos.system('pip --version')"
    manifest = read_manifest(write_extension(tmp_path, "greedy", studio="", arguments=code))
    with pytest.raises(InstallerRefused, match="'greedy' called pip"):
        load_arguments(manifest)
    with pytest.raises(InstallerRefused, match="'greedy' called pip"):
        guarded("greedy", lambda: subprocess.run(["pip", "--version"], check=False))


def test_other_programs_and_other_threads_go_on(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, threading\n"
        "SAID = subprocess.check_output([sys.executable, '-c', 'print(6 * 7)', '/opt/conda/bin'], text=True)\nimport time\ntime.sleep(0.5)\n"
    )
    manifest = read_manifest(write_extension(tmp_path, "fine", studio=code))
    said: list[int] = []

    def beside() -> None:
        command = [sys.executable, "-c", "raise SystemExit(3)", "pip"]
        while "easel_extensions.fine.studio" not in sys.modules:
            pass
        said.append(subprocess.run(command, check=False).returncode)

    thread = threading.Thread(target=beside)
    thread.start()
    assert load_module(manifest, "studio").SAID == "42\n"
    thread.join()
    assert said == [3]
    unload("fine")
    command = [sys.executable, "-c", "raise SystemExit(3)", "pip"]
    assert subprocess.run(command, check=False).returncode == 3


def test_packages_that_came_by_another_way_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "torch-2.9.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sysconfig, "get_path", lambda _kind: str(site))
    code = f"import os\nos.rename('{site}/torch-2.9.dist-info', '{site}/torch-1.0.dist-info')"
    manifest = read_manifest(write_extension(tmp_path, "sly", studio=code))
    with pytest.raises(
        InstallerRefused,
        match=r"while the extension 'sly' was loaded \(torch-1\.0\.dist-info came, torch-2\.9\.dist-info went\)",
    ):
        load_module(manifest, "studio")
    assert [name for name in sys.modules if name.startswith("easel_extensions.sly")] == []
