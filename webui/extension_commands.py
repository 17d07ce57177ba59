"""`python launch.py extensions`: what is installed, and which of it is used from the next start on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from webui.contracts.settings import Settings
from webui.hooks.discovery import Found, find_extensions
from webui.services.extension_state import ExtensionState

USAGE = "python launch.py extensions list | enable NAME | disable NAME"


def run_extensions(words: Sequence[str], settings: Settings, say: Callable[[str], None]) -> int:
    """Obey one command; no code of an extension is run. The result is the exit status."""
    state = ExtensionState(settings.data_dir)
    found = {each.name: each for each in find_extensions(settings.extension_folders)}
    if list(words) in ([], ["list"]):
        for each in found.values():
            say(_line(each, each.name in state.enabled()))
        if not found:
            say(f"None is installed; looked in {', '.join(map(str, settings.extension_folders))}.")
        return 0
    if len(words) != 2 or words[0] not in ("enable", "disable"):
        say(f"What to do is {' '.join(words)!r}, expected: {USAGE}")
        return 2
    name, wanted = words[1], words[0] == "enable"
    if name not in found and (wanted or name not in state.enabled()):
        say(f"There is no extension {name!r}; installed are {', '.join(found) or 'none'}.")
        return 1
    if wanted and (problem := found[name].problem) is not None:
        say(problem)
        return 1
    state.enable(name, wanted)
    say(f"{name} is {'enabled' if wanted else 'disabled'} from the next start of the studio on.")
    return 0


def _line(found: Found, enabled: bool) -> str:
    if found.manifest is None:
        return f"{found.name:24} cannot be used: {found.problem}"
    manifest = found.manifest
    asks = f"; {', '.join(manifest.permissions)}" if manifest.permissions else ""
    said = manifest.summary or manifest.title
    return f"{found.name:24} {manifest.version:10} {'enabled' if enabled else '-':8} {said}{asks}"
