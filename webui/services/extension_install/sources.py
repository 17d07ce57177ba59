"""What a person gave to install from: a git address, a folder, an archive or a package's name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement

from webui.contracts.errors import BadExtension

Kind = Literal["folder", "archive", "git", "package"]
ARCHIVES = (".zip", ".whl")
_ENCRYPTED = ("https://", "ssh://", "file://")
_PLAIN = ("http://", "git://")
_SSH = re.compile(r"[\w.-]+@[\w.-]+:(?!//)\S+")
"""git@host:owner/name.git, which is no URL."""
_REVISION = re.compile(
    r"(?P<address>(?:\w+://[^/]*/|[^/:]+:(?!//)).+?)@(?P<revision>[^@:\s-][^@:\s]*)"
)
"""An address, and what follows the @ behind its host."""


@dataclass(frozen=True)
class Source:
    """Where to fetch an extension from."""

    kind: Kind
    text: str
    """As it was given."""
    address: str
    """Of the repository, the path, or the requirement."""
    revision: str = ""
    """Branch, tag or commit of a repository; empty for its main branch."""


def parse_source(text: str) -> Source:
    """Read what a person gave.

    Raises:
        BadExtension: it is none of the four, or would be fetched without encryption.
    """
    text = text.strip()
    path = Path(text).expanduser()
    if text and path.is_dir():
        return Source("folder", str(path.resolve()), str(path.resolve()))
    if text and path.is_file():
        if path.suffix not in ARCHIVES:
            raise BadExtension(
                f"{text!r} is a file; expected a folder, a .zip or .whl archive, a git address or a package."
            )
        return Source("archive", str(path.resolve()), str(path.resolve()))
    if _is_address(text):
        return _repository(text)
    return _package(text)


def _is_address(text: str) -> bool:
    bare = text.removeprefix("git+")
    return bare.startswith((*_ENCRYPTED, *_PLAIN)) or bool(_SSH.fullmatch(bare))


def _repository(text: str) -> Source:
    bare = text.removeprefix("git+")
    if bare.startswith(_PLAIN):
        raise BadExtension(
            f"{text[:200]!r} is fetched without encryption, so anybody on the way could change it; expected https:// or ssh://."
        )
    if bare.endswith(ARCHIVES):
        raise BadExtension(
            f"{text[:200]!r} is an archive elsewhere, expected a git address. Download the archive and give its path."
        )
    found = _REVISION.fullmatch(bare)
    if found is None:
        return Source("git", text, bare)
    return Source("git", text, found["address"], found["revision"])


def _package(text: str) -> Source:
    try:
        need = Requirement(text)
    except InvalidRequirement:
        raise BadExtension(
            f"{text[:200]!r} is nothing that an extension can be installed from; expected a git address "
            "(https://host/owner/name, with @ and a tag or commit behind it where one is meant), a folder or "
            ".zip that exists, or the name of a Python package."
        ) from None
    if need.url is not None:
        raise BadExtension(
            f"{text[:200]!r} names a package by an address; give the address of its git repository alone."
        )
    return Source("package", text, str(need))
