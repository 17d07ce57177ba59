"""`python launch.py extensions`: list, install, enable, disable, make and check extensions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BadExtension, BadRequest, EaselError
from webui.contracts.ids import ModelId
from webui.contracts.settings import Settings
from webui.extension_installing import YES, carry_out, installer_of, remove
from webui.extension_running import run_command
from webui.hooks.discovery import Found, find_extensions
from webui.hooks.reasons import reasons_against
from webui.services.diffusers_folder import describe_folder
from webui.services.extension_checks.suite import Bench, check_extension
from webui.services.extension_state import ExtensionState
from webui.services.extension_template import write_new
from webui.workers.local import LocalWorker

Say = Callable[[str], None]
Verb = Callable[[Sequence[str], Settings, Say], int]

VERBS: Mapping[str, str] = {
    "list": "list what is installed (the default)",
    "enable": "use one: enable NAME",
    "disable": "use one no longer: disable NAME",
    "install": "fetch one and show what it is, then put it in place: install SOURCE [--yes]; SOURCE is a git "
    "address, a folder, an archive or a Python package",
    "update": "fetch an installed one anew and show what changes: update NAME [--yes]",
    "back": "take back what was there before the last update or removal: back NAME [--yes]",
    "remove": "move one to the bin: remove NAME",
    "run": "run a command that one adds: run NAME [COMMAND ...]",
    "new": "write the folder of an extension that works, to be changed: new NAME",
    "check": "see whether one fits this Easel, as its author should before others have it: check NAME, or PATH of one that is not installed",
}
"""Name and explanation, in the order of the help."""

CHECK_MODEL = "starter/text"
"""The model of the box that extensions are checked with."""


def run_extensions(words: Sequence[str], settings: Settings, say: Say) -> int:
    """Run one of the verbs; the result is the exit status.

    Args:
        words: What follows `extensions`, without the flags that all commands have.
        settings: Where extensions are.
        say: Prints a line.
    """
    verb, rest = (words[0], words[1:]) if words else ("list", words)
    act = _ACTS.get(verb)
    if act is None:
        say(f"What to do is {verb!r}, expected one of: {', '.join(VERBS)}.")
        return 2
    try:
        return act(rest, settings, say)
    except EaselError as error:
        say(str(error))
        return 2 if isinstance(error, _Misused) else 1


class _Misused(BadRequest):
    """Words that a verb does not take."""


def _list(words: Sequence[str], settings: Settings, say: Say) -> int:
    _none(words, "list")
    found, enabled = _found(settings), ExtensionState(settings.data_dir).enabled()
    for each in found.values():
        say(_line(each, each.name in enabled))
        for reason in _reasons(each, enabled):
            say(f"{'':24} {reason}")
    if not found:
        say(f"None is installed; looked in {', '.join(map(str, settings.extension_folders))}.")
    return 0


def _enable(words: Sequence[str], settings: Settings, say: Say) -> int:
    name, found = _one(words, "enable NAME"), _found(settings)
    if name not in found:
        raise BadExtension(_missing(name, found))
    problem = found[name].problem
    if problem is not None:
        raise BadExtension(problem)
    state = ExtensionState(settings.data_dir)
    reasons = _reasons(found[name], state.enabled())
    if reasons:
        raise BadExtension(" ".join(reasons))
    state.enable(name, True)
    say(f"{name} is enabled: at once in a studio that runs, else from its next start on.")
    return 0


def _disable(words: Sequence[str], settings: Settings, say: Say) -> int:
    name, state = _one(words, "disable NAME"), ExtensionState(settings.data_dir)
    if name not in (found := _found(settings)) and name not in state.enabled():
        raise BadExtension(_missing(name, found))
    state.enable(name, False)
    say(f"{name} is disabled: at once in a studio that runs, else from its next start on.")
    return 0


def _install(words: Sequence[str], settings: Settings, say: Say) -> int:
    sure, rest = _sure(words)
    source, installer = _one(rest, f"install SOURCE [{YES}]"), installer_of(settings)
    change = installer.propose(source)
    status = carry_out(installer, change, sure, say)
    name = change.manifest.name
    if status == 0 and name not in ExtensionState(settings.data_dir).enabled():
        say(f"It is off. To use it: python launch.py extensions enable {name}")
    return status


def _update(words: Sequence[str], settings: Settings, say: Say) -> int:
    sure, rest = _sure(words)
    name, installer = _one(rest, f"update NAME [{YES}]"), installer_of(settings)
    change = installer.propose_update(name)
    if change.changes_nothing:
        installer.discard(change.id)
        say(f"{name} {change.manifest.version} is what {change.origin.source} has.")
        return 0
    return carry_out(installer, change, sure, say)


def _back(words: Sequence[str], settings: Settings, say: Say) -> int:
    sure, rest = _sure(words)
    name, installer = _one(rest, f"back NAME [{YES}]"), installer_of(settings)
    return carry_out(installer, installer.propose_back(name), sure, say)


def _remove(words: Sequence[str], settings: Settings, say: Say) -> int:
    remove(settings, _one(words, "remove NAME"), say)
    return 0


def _run(words: Sequence[str], settings: Settings, say: Say) -> int:
    name, found = _one(words[:1], "run NAME [COMMAND ...]"), _found(settings)
    manifest = found[name].manifest if name in found else None
    if manifest is None:
        raise BadExtension(found[name].problem or "" if name in found else _missing(name, found))
    if name not in ExtensionState(settings.data_dir).enabled():
        raise BadExtension(
            f"The extension {name!r} is not enabled, so none of its code runs. First: python launch.py extensions enable {name}"
        )
    return run_command(manifest, words[1:], settings, say)


def _sure(words: Sequence[str]) -> tuple[bool, list[str]]:
    return YES in words, [word for word in words if word != YES]


def _new(words: Sequence[str], settings: Settings, say: Say) -> int:
    folder = write_new(settings.data_dir / "extensions", _one(words, "new NAME"))
    say(
        f"{folder} is written, and works. Change it, then:\n"
        f"    python launch.py extensions check {folder.name}\n"
        f"    python launch.py extensions enable {folder.name}\n"
        "    python launch.py --develop    the studio, which loads it anew whenever you save\n"
        "extensions/README.md has all that an extension can do, and files that do it."
    )
    return 0


def _check(words: Sequence[str], settings: Settings, say: Say) -> int:
    given = _one(words, "check NAME")
    known = _found(settings).get(given)
    folder = Path(given)
    if known is not None and known.manifest is not None and not folder.exists():
        folder = known.manifest.folder
    argv = [sys.executable, "-m", "webui.engine", "--cpu"]  # equal bits, whatever the GPU
    bench = Bench(settings.repository, _check_model(settings), lambda told: LocalWorker(told, argv))
    failed = 0
    for outcome in check_extension(folder, bench):
        say(str(outcome))
        failed += not outcome.passed
    count = "1 check" if failed == 1 else f"{failed} checks"
    say(f"{count} failed." if failed else "All checks passed.")
    return 1 if failed else 0


def _check_model(settings: Settings) -> CheckpointInfo | None:
    folder = settings.repository / "models" / CHECK_MODEL
    try:
        return describe_folder(folder, ModelId(CHECK_MODEL))
    except EaselError:
        return None  # said by the check that needs it


_ACTS: Mapping[str, Verb] = {
    "list": _list,
    "enable": _enable,
    "disable": _disable,
    "install": _install,
    "update": _update,
    "back": _back,
    "remove": _remove,
    "run": _run,
    "new": _new,
    "check": _check,
}


def _found(settings: Settings) -> Mapping[str, Found]:
    return {each.name: each for each in find_extensions(settings.extension_folders)}


def _one(words: Sequence[str], usage: str) -> str:
    if len(words) != 1:
        raise _Misused(
            f"{' '.join(words) or 'Nothing'} was given, expected: python launch.py extensions {usage}"
        )
    return words[0]


def _none(words: Sequence[str], usage: str) -> None:
    if words:
        raise _Misused(
            f"{' '.join(words)!r} is too much, expected: python launch.py extensions {usage}"
        )


def _missing(name: str, found: Mapping[str, Found]) -> str:
    return f"There is no extension {name!r}; installed are {', '.join(found) or 'none'}."


def _reasons(found: Found, enabled: Collection[str]) -> Sequence[str]:
    """What keeps one from being used beside those that are enabled, a sentence each."""
    beside = [name for name in enabled if name != found.name]
    return () if found.manifest is None else reasons_against(found.manifest, beside)


def _line(found: Found, enabled: bool) -> str:
    if found.manifest is None:
        return f"{found.name:24} cannot be used: {found.problem}"
    manifest = found.manifest
    asks = f"; {', '.join(manifest.permissions)}" if manifest.permissions else ""
    said = manifest.summary or manifest.title
    return f"{found.name:24} {manifest.version:10} {'enabled' if enabled else '-':8} {said}{asks}"
