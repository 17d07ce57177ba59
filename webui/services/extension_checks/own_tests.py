"""Runs the tests that an extension brings along."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from webui.contracts.extension import Manifest
from webui.services.extension_checks.outcome import Outcome

TEST_SECONDS = 600.0
_WHAT = "its own tests"


def check_tests(manifest: Manifest, repository: Path) -> Outcome:
    """Run pytest in the extension's folder, as a program of its own; none are no failure.

    Args:
        manifest: Of the extension.
        repository: Where `webui` is imported from.
    """
    if not any(manifest.folder.rglob("test_*.py")):
        return Outcome(_WHAT, True, "it has none")
    if find_spec("pytest") is None:
        said = "not run, for pytest is missing; python launch.py test installs it"
        return Outcome(_WHAT, True, said)
    command = [
        sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(manifest.folder),
        "-p", "no:cacheprovider", "--import-mode=importlib", str(manifest.folder),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=repository, capture_output=True, text=True, timeout=TEST_SECONDS, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(_WHAT, False, f"they did not end within {TEST_SECONDS:g} s")
    lines = (done.stdout.strip() or done.stderr.strip() or "nothing was said").splitlines()
    said = lines[-1] if done.returncode == 0 else "\n".join(lines[-20:])
    return Outcome(_WHAT, done.returncode == 0, said)
