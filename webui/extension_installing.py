"""The verbs of `python launch.py extensions` that put code in place, or take it away."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from webui.contracts.extension import PERMISSIONS
from webui.contracts.extension_change import ExtensionChange, FileChanges
from webui.contracts.settings import Settings
from webui.services.extension_install.installer import ExtensionInstaller
from webui.services.extension_state import ExtensionState

Say = Callable[[str], None]
YES = "--yes"
FILES_SHOWN = 12


def installer_of(settings: Settings) -> ExtensionInstaller:
    """Whoever sits at the command line may install, however the studio is started."""
    return ExtensionInstaller(settings.extension_folders)


def carry_out(installer: ExtensionInstaller, change: ExtensionChange, sure: bool, say: Say) -> int:
    """Show a change, ask unless it was said beforehand, and do it; the result is the exit status."""
    for line in described(change):
        say(line)
    if not (sure or _agreed(say)):
        installer.discard(change.id)
        say(f"Nothing was changed. Say yes beforehand with {YES}.")
        return 1
    installer.carry_out(change.id)
    name, version = change.manifest.name, change.manifest.version
    say(f"{name} {version} is in place.")
    return 0


def remove(settings: Settings, name: str, say: Say) -> None:
    """Disable an extension and move it to the bin."""
    installer_of(settings).remove(name)
    ExtensionState(settings.data_dir).enable(name, False)
    say(f"{name} is removed. To take it back: python launch.py extensions back {name}")


def described(change: ExtensionChange) -> list[str]:
    """What would change, for a person to read before it does."""
    new, before = change.manifest, change.before
    was = "" if before is None else f" in place of {before.version}"
    lines = [f"{new.title or new.name} ({new.name}) {new.version}{was}", new.summary]
    lines.append(f"  from         {change.origin.source or 'the bin'}")
    had = change.origin_before
    if before is not None and had is not None and had.source != change.origin.source:
        lines.append(f"  until now    from {had.source}")
    lines.append(f"  as           {change.origin.revision or 'it was put there by hand'}")
    lines.append(f"  runs in      {' and '.join(new.processes)}, with your rights")
    lines.append(
        f"  comes in at  {_marked(change.hooks, change.hooks_before, before is not None) or 'nothing'}"
    )
    lines.append(f"  asks for     {_permissions(change)}")
    if change.packages:
        lines.append(f"  brings       {', '.join(change.packages)}, into a folder of its own")
    lines += [f"  {line}" for line in _files(change.files)]
    if change.edited:
        lines.append(
            "  The files that it replaces were edited since; they go to the bin with the rest."
        )
    return [line for line in lines if line]


def _marked(now: Sequence[str], then: Sequence[str], compared: bool) -> str:
    gone = [f"no longer {name}" for name in then if name not in now]
    new = [name if name in then or not compared else f"{name} (new)" for name in now]
    return ", ".join([*new, *gone])


def _permissions(change: ExtensionChange) -> str:
    new = set(change.permissions_added) if change.before is not None else set()
    said = [f"{PERMISSIONS[p]}{' (new)' if p in new else ''}" for p in change.manifest.permissions]
    gone = [f"no longer: {PERMISSIONS[p]}" for p in change.permissions_removed]
    return "; ".join([*said, *gone]) or "no permission"


def _files(files: FileChanges) -> list[str]:
    lines = []
    for word, names in (
        ("adds", files.added),
        ("changes", files.changed),
        ("drops", files.removed),
    ):
        if names:
            more = f" and {len(names) - FILES_SHOWN} more" if len(names) > FILES_SHOWN else ""
            lines.append(f"{word:12} {', '.join(names[:FILES_SHOWN])}{more}")
    return lines or ["changes      no file"]


def _agreed(say: Say) -> bool:
    if not sys.stdin.isatty():
        return False
    say("Do it? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
