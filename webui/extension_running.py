"""`python launch.py extensions run NAME COMMAND ...`: what extensions add to the command line."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from webui.contracts.errors import BadExtension
from webui.contracts.extension import Manifest
from webui.contracts.settings import Settings
from webui.hooks.host import HookHost
from webui.hooks.loading import ExtensionBroke, load_module
from webui.hooks.needs import add_needs
from webui.services.extension_access import data_folder

Command = Callable[[Sequence[str]], int]


def run_command(
    manifest: Manifest, words: Sequence[str], settings: Settings, say: Callable[[str], None]
) -> int:
    """Run a command of an extension; without one, say which there are.

    Raises:
        BadExtension: it cannot be loaded, or has no such command.
    """
    commands = _commands(manifest, settings)
    if not words:
        say(f"{manifest.name} has {', '.join(sorted(commands)) or 'no commands'}.")
        return 0
    run = commands.get(words[0])
    if run is None:
        known = ", ".join(sorted(commands)) or "none"
        raise BadExtension(
            f"The extension {manifest.name!r} has no command {words[0][:100]!r}; it has {known}."
        )
    try:
        return int(run(words[1:]) or 0)
    except Exception as error:  # noqa: BLE001 - the border: an extension's own code
        say("".join(traceback.format_exception(error)).rstrip())
        say(f"The extension {manifest.name!r} failed in its command {words[0]!r}.")
        return 1


def _commands(manifest: Manifest, settings: Settings) -> Mapping[str, Command]:
    if "studio" not in manifest.processes:
        return {}
    add_needs(manifest)
    host = HookHost()
    host.register(load_module(manifest, "studio"), manifest.name)
    folder = data_folder(settings.data_dir, manifest.name)
    given = host.collect("commands", _checked, folder=folder)
    if failures := host.failures():
        raise ExtensionBroke(f"The extension {manifest.name!r} failed: {failures[-1].message}.")
    return given[0][1] if given else {}


def _checked(given: Any) -> Mapping[str, Command]:
    """Any: what an extension gives, which may be anything."""
    commands = dict(given or {})
    for name, run in commands.items():
        if not isinstance(name, str) or not callable(run):
            raise TypeError(
                f"{name!r:.100}: {run!r:.100} was given; functions by name were expected."
            )
    return commands
