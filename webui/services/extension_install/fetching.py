"""Brings an extension's files here without running any of them: by git, by pip, or by a copy."""

from __future__ import annotations

import configparser
import email
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from webui.contracts.errors import BadExtension
from webui.hooks.discovery import GROUP
from webui.services.extension_install.sources import Source
from webui.services.extension_install.trees import copy_tree, digest, the_extension_in, unpack

FETCH_SECONDS = 600.0
SAID = 1500
"""Characters of what a program that failed said last."""
_GIT = (
    "git", "-c", f"core.hooksPath={os.devnull}", "-c", "core.symlinks=false", "-c", "core.fsmonitor=false",
    "-c", "protocol.allow=never", "-c", "protocol.https.allow=always", "-c", "protocol.ssh.allow=always",
    "-c", "protocol.file.allow=always",
)  # fmt: skip
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True)
class Fetched:
    """An extension's files, in a folder of their own."""

    folder: Path
    name: str | None = None
    """Under which a package offers it; None where the files alone say."""
    revision: str = ""
    requires: tuple[str, ...] = ()
    """What a package asks for beside the extension's own needs."""


def fetch(source: Source, into: Path) -> Fetched:
    """Bring an extension here.

    Args:
        source: Where it is.
        into: An empty folder; all that comes lies below it.

    Raises:
        BadExtension: it cannot be fetched, or is no extension.
    """
    if source.kind == "git":
        return _cloned(source, into / "repository")
    if source.kind == "package":
        return _wheel(_downloaded(source.address, into / "download"), into / "wheel")
    path = Path(source.address)
    if path.suffix == ".whl":
        return _wheel(path, into / "wheel")
    if source.kind == "archive":
        unpack(path, into / "archive")
    else:
        copy_tree(the_extension_in(path), into / "archive" / path.name)
    return _with_digest(the_extension_in(into / "archive"))


def _cloned(source: Source, to: Path) -> Fetched:
    _run([*_GIT, "clone", "--quiet", "--no-checkout", "--", source.address, str(to)], "git")
    git = [*_GIT, "-C", str(to)]
    wanted = source.revision or "HEAD"
    for name in (f"origin/{wanted}", wanted):  # a branch as it is there, else a tag or commit
        found = _run([*git, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], "git", check=False)  # fmt: skip
        if found:
            break
    else:
        raise BadExtension(f"{source.address!r} has no branch, tag or commit {wanted[:100]!r}.")
    commit = found.strip()
    _run([*git, "checkout", "--quiet", "--detach", commit], "git")
    return Fetched(the_extension_in(to), None, commit)


def _downloaded(requirement: str, to: Path) -> Path:
    """The wheel of a package, without what it needs."""
    asked = ["--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(to)]
    run_pip(["download", *asked, "--", requirement])
    wheels = sorted(to.glob("*.whl"))
    if len(wheels) != 1:
        raise BadExtension(f"pip brought {len(wheels)} wheels of {requirement!r}, expected one.")
    return wheels[0]


def _wheel(wheel: Path, to: Path) -> Fetched:
    """The extension that a wheel names as an entry point, taken out as a folder like any other."""
    unpack(wheel, to)
    about = next(iter(sorted(to.glob("*.dist-info"))), None)
    points = configparser.ConfigParser(delimiters="=")
    if about is not None and (about / "entry_points.txt").is_file():
        points.read_string((about / "entry_points.txt").read_text("utf-8"))
    named = dict(points[GROUP]) if points.has_section(GROUP) else {}
    if about is None or len(named) != 1:
        raise BadExtension(
            f"{wheel.name!r} offers {len(named)} extensions as entry points {GROUP!r}, expected one."
        )
    name, module = next(iter(named.items()))
    folder = to.joinpath(*module.strip().partition(":")[0].split("."))
    if not folder.is_dir() or to not in folder.resolve().parents:
        raise BadExtension(
            f"{wheel.name!r} has no package {module!r}, which it calls an extension."
        )
    said = email.message_from_string((about / "METADATA").read_text("utf-8"))
    asked = [Requirement(line) for line in said.get_all("Requires-Dist") or ()]
    plain = [need for need in asked if need.marker is None or need.marker.evaluate({"extra": ""})]
    requires = tuple(f"{n.name}{n.specifier}" for n in plain)
    return Fetched(folder, name, f"sha256:{digest(folder)}", requires)


def _with_digest(folder: Path) -> Fetched:
    return Fetched(folder, None, f"sha256:{digest(folder)}")


def run_pip(words: Sequence[str]) -> str:
    """Have this interpreter's pip do something that installs nothing into its environment.

    Raises:
        BadExtension: it could not; with what it said.
    """
    return _run([*_PIP, *words], "pip")


def _run(command: Sequence[str], program: str, check: bool = True) -> str:
    """Standard output of a program; of one that fails without `check`, nothing."""
    if shutil.which(command[0]) is None:
        raise BadExtension(
            f"{program} is not installed here, and this cannot be fetched without it."
        )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", start_new_session=True,  # no terminal to ask for a password on
            stdin=subprocess.DEVNULL, timeout=FETCH_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise BadExtension(f"{program} did not end within {FETCH_SECONDS:g} s.") from None
    if done.returncode != 0 and check:
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        said = "\n".join(line for line in lines if line.strip())[-SAID:]
        raise BadExtension(f"{program} could not do it. It said:\n{said}")
    return done.stdout if done.returncode == 0 else ""
