"""What is known of an extension without running any of its code, and how it is at present."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from webui.contracts.page import DRAWING_TABS

API_VERSION = "1.4"
"""Of the extension points. The second number rises with each addition; the first would break."""


@dataclass(frozen=True)
class Manifest:
    """An `extension.toml`, checked."""

    name: str
    """Of its folder, too."""
    version: str
    easel: str
    """Versions of the extension points that it was written for: '>=1.0,<2'."""
    folder: Path
    """Where its modules lie."""
    title: str = ""
    summary: str = ""
    arguments: str | None = None
    """'module:Model', a pydantic model of what a request may say to it."""
    needs: tuple[str, ...] = ()
    """Packages that it needs beside Easel's, as requirements."""
    conflicts: tuple[str, ...] = ()
    """Extensions that it cannot be used beside."""
    tabs: tuple[str, ...] = DRAWING_TABS
    """Tabs whose forms have controls for its arguments."""
    permissions: tuple[str, ...] = ()
    """What it says that it does beyond drawing: 'network', 'files', 'programs'."""

    @property
    def processes(self) -> tuple[str, ...]:
        """Those that load it: each has a module of its own."""
        return tuple(name for name in PROCESSES if (self.folder / f"{name}.py").is_file())


PROCESSES = ("studio", "worker")
PERMISSIONS = {
    "network": "speaks with other computers",
    "files": "reads or writes files outside its own folder",
    "programs": "starts other programs",
}
"""What an extension may say that it does. Nothing holds it to that: its code has your rights."""


@dataclass(frozen=True)
class HookFailure:
    """Something that went wrong in an extension, for the page that lists them."""

    extension: str
    hook: str
    """Name of the extension point, or 'import'."""
    message: str
    """A sentence, or the error's class and text."""
    trace: str = ""
    """Where it was raised."""
    kind: str = "failed"
    """'failed'; 'slow'; 'late', of an observer that has not come back yet; or 'endless', of one that was left behind."""
    process: str = "studio"


@dataclass(frozen=True)
class ExtensionStatus:
    """An extension as the page, the API and the command line show it."""

    name: str
    manifest: Manifest | None
    """None where it cannot be read."""
    enabled: bool
    """Whether it is wanted."""
    problems: tuple[str, ...] = ()
    """Why it is not in use, though it is wanted, or could not be."""
    failures: tuple[HookFailure, ...] = ()
    in_use: bool = False
    """Whether it takes part: what somebody has just enabled beside the studio does a moment later."""
