"""Repositories, archives and wheels for tests, made as their authors would."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

HEARS = "from webui.hooks.specs import hookimpl\n\n@hookimpl\ndef studio_stopped():\n    pass\n"


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as somebody who is nobody."""
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **who},
    )
    return done.stdout.strip()


def commit(folder: Path, message: str = "x") -> str:
    """Commit all that is in a folder; gives the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def write_wheel(
    to: Path,
    name: str,
    version: str,
    files: dict[str, str],
    requires: tuple[str, ...] = (),
    points: str = "",
) -> Path:
    """A wheel with these modules."""
    about = f"{name}-{version}.dist-info"
    said = "".join(f"Requires-Dist: {need}\n" for need in requires)
    every = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{said}",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if points:
        every[f"{about}/entry_points.txt"] = points
    lines = []
    for path, text in every.items():
        sha = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={sha},{len(text.encode())}")
    every[f"{about}/RECORD"] = "\n".join([*lines, f"{about}/RECORD,,"]) + "\n"
    to.mkdir(parents=True, exist_ok=True)
    wheel = to / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as zipped:
        for path, text in every.items():
            zipped.writestr(path, text)
    return wheel
