"""The packages of an extension: found out beforehand, and put into a folder of its own.

Easel's own packages are given to pip as fixed, so what they cannot satisfy is a refusal, and nothing in
the program's environment is ever changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from webui.contracts.errors import BadExtension
from webui.contracts.extension import Manifest
from webui.hooks.needs import FOLDER, conflicts_with_pins
from webui.services.extension_install.fetching import run_pip


@dataclass(frozen=True)
class Package:
    """One that pip would bring."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        """As a requirement."""
        return f"{self.name}=={self.version}"


def packages_for(manifest: Manifest, requires: Sequence[str], scratch: Path) -> tuple[Package, ...]:
    """What an extension needs and Easel has not, in the versions that pip chooses beside Easel's.

    Args:
        manifest: Of the extension.
        requires: What its package asks for beside the manifest's needs.
        scratch: A folder for what pip is told.

    Raises:
        BadExtension: something needs another version of what Easel has, or cannot be found.
    """
    wanted = tuple(dict.fromkeys((*manifest.needs, *requires)))
    _refuse(conflicts_with_pins(manifest, wanted))
    if not wanted:
        return ()
    pins, report = scratch / "pins.txt", scratch / "report.json"
    pins.write_text("\n".join(_present()) + "\n", "utf-8")
    try:
        run_pip(
            ["install", "--dry-run", "--only-binary=:all:", "--constraint", str(pins),
             "--report", str(report), "--", *wanted]
        )  # fmt: skip
    except BadExtension as error:
        raise BadExtension(
            f"What the extension {manifest.name!r} needs ({', '.join(wanted)}) does not go with what Easel has, or "
            f"cannot be found. {error}"
        ) from error
    packages = _told(json.loads(report.read_text("utf-8")))
    _refuse(conflicts_with_pins(manifest, [str(package) for package in packages]))
    return packages


def install_packages(packages: Sequence[Package], target: Path, scratch: Path) -> None:
    """Put exactly these packages, by their hashes, into a folder.

    Raises:
        BadExtension: one cannot be fetched, or is not what was shown.
    """
    listed = scratch / "packages.txt"
    listed.write_text("".join(f"{p} --hash=sha256:{p.sha256}\n" for p in packages), "utf-8")
    run_pip(
        ["install", "--quiet", "--no-deps", "--only-binary=:all:", "--no-compile",
         "--require-hashes", "--target", str(target), "--requirement", str(listed)]
    )  # fmt: skip


def _present() -> list[str]:
    """Easel's own packages, each fixed; those of other extensions are not among them."""
    found = {
        each.metadata["Name"]: each.version
        for each in distributions()
        if FOLDER not in Path(str(each.locate_file(""))).parts
    }
    return sorted(f"{name}=={version}" for name, version in found.items() if name)


def _told(
    report: dict[str, list[dict[str, dict[str, dict[str, dict[str, str]]]]]],
) -> tuple[Package, ...]:
    """The packages of pip's report."""
    packages = []
    for each in report["install"]:
        about, archive = each["metadata"], each["download_info"]["archive_info"]
        packages.append(
            Package(str(about["name"]), str(about["version"]), archive["hashes"]["sha256"])
        )
    return tuple(packages)


def _refuse(conflicts: Sequence[str]) -> None:
    if conflicts:
        raise BadExtension(" ".join(conflicts))
