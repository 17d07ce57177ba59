"""`launch.py models`: list, show, install, delete, merge, convert. What needs torch runs as a program of its own."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.download import FOLDERS, Download, DownloadState, Order
from webui.contracts.errors import BadRequest, EaselError
from webui.contracts.settings import Settings
from webui.services.catalog import Catalog, adapter_key, model_key
from webui.services.database import open_database
from webui.services.downloads.downloads import Downloads
from webui.services.downloads.network import Web, is_any, is_public
from webui.services.downloads.place import STAGING
from webui.services.downloads.sources import Sites
from webui.services.events import EventBus
from webui.services.file_records import FileRecords
from webui.services.library import Library
from webui.services.makings.recipes import place_of
from webui.services.model_folders import kept_folders
from webui.services.notes import NoteStore
from webui.services.settings import SettingsStore

Say = Callable[[str], None]
RunProgram = Callable[[str, str, Sequence[str]], int]

MERGE_PROGRAM = "webui.engine.tools.command"
LOOK_SECONDS = 0.5

VERBS: Mapping[str, str] = {
    "list": "list what is installed and why files were skipped (the default)",
    "show": "show what is known of one: show ID",
    "install": "fetch one: install SOURCE [--kind K] [--name N] [--files F ...] [--sha256 H]",
    "delete": "move one into the bin: delete ID",
    "merge": "merge NEW A B [C] [--method sum|difference] [--ratio M] [--blocks 26 NUMBERS] [--lora ID:W]",
    "convert": "to safetensors, another precision, with LoRAs in it: convert NEW A [--precision P] [--prune] [--layout folder|file]",
}
"""Name and explanation, in the order of the help."""


def run_models(words: Sequence[str], settings: Settings, say: Say, run_program: RunProgram) -> int:
    """Run one of the verbs; the result is the exit status.

    Args:
        words: What follows `models`, without the flags that all commands have.
        settings: Where models are.
        say: Prints a line.
        run_program: Runs a module as a program of a name with arguments.
    """
    verb, rest = (words[0], words[1:]) if words else ("list", words)
    act = {"show": _show, "install": _install, "delete": _delete}.get(verb)
    try:
        if act is not None:
            return act(rest, settings, say)
        if verb in ("merge", "convert"):
            return run_program(MERGE_PROGRAM, f"models {verb}", _merge_arguments(rest, settings))
        if verb == "list":
            return _list(settings, say)
    except EaselError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"What to do is {verb!r}, expected one of: {', '.join(VERBS)}.\n")
    return 2


def _list(settings: Settings, say: Say) -> int:
    folders = _folders(settings)
    catalog = Catalog(folders)
    for model in catalog.models():
        size = f"{model.native_width}x{model.native_height}"
        say(f"{model.id:30} {model.family:8} {size:>9} {model.bytes / 1e6:10.1f} MB  {model.title}")
    for adapter in catalog.adapters():
        say(f"{adapter.id:30} {adapter.kind:18} {adapter.bytes / 1e6:10.1f} MB  {adapter.title}")
    for path, reason in catalog.problems():
        say(f"skipped {path}: {reason}")
    if not catalog.models():
        say("No model is installed; looked in " + ", ".join(map(str, folders)) + ".")
    return 0


def _show(words: Sequence[str], settings: Settings, say: Say) -> int:
    options = _parser("show").parse_args(words)
    info = _find(Catalog(_folders(settings)), options.id)
    for field in fields(info):
        if (value := getattr(info, field.name)) not in ("", (), 0):
            say(f"{field.name:16} {value}")
    return 0


def _install(words: Sequence[str], settings: Settings, say: Say) -> int:
    options = _parser("install").parse_args(words)
    models = settings.model_folders[0]
    database = open_database(
        models / STAGING / "command-line.sqlite"
    )  # the studio has its own list
    web = Web(is_any if settings.private_downloads else is_public, settings.tokens)
    downloads = Downloads(
        database, models, web, Sites(hugging_face=settings.hugging_face), EventBus()
    )
    try:
        offer = downloads.look(options.source)
        begun = [d for d in downloads.list() if d.source == offer.source and not d.finished]
        files = tuple(options.files) if options.files else None
        order = Order(options.source, files, options.kind, options.name, options.sha256)
        download = downloads.go_on(begun[0].id) if begun else downloads.order(order)
        downloads.start()
        return _followed(downloads, download, say)
    finally:
        downloads.stop()
        database.dispose()


def _followed(downloads: Downloads, download: Download, say: Say) -> int:
    """Tell how a download goes until it is over; interrupted, it goes on at the next `install`."""
    said = ""
    while not (download := downloads.get(download.id)).state.is_final:
        speed = (download.bytes_per_second or 0) / 1e6
        total = f" of {download.bytes_total / 1e6:.0f}" if download.bytes_total else ""
        line = f"{download.bytes_done / 1e6:.0f}{total} MB, {speed:.1f} MB/s"
        if line != said:
            say(line)
        said = line
        time.sleep(LOOK_SECONDS)
    downloads.drop(download.id) if download.state is DownloadState.DONE else None
    say(f"It is {download.target}." if download.error is None else download.error)
    return 0 if download.state is DownloadState.DONE else 1


def _delete(words: Sequence[str], settings: Settings, say: Say) -> int:
    options = _parser("delete").parse_args(words)
    folders = _folders(settings)
    database = open_database(settings.database)
    records, notes = FileRecords(database), NoteStore(database, settings.previews)
    catalog = Catalog(folders, records=records, notes=notes)
    library = Library(catalog, notes, records)
    info = _find(catalog, options.id)
    key = model_key(info.id) if isinstance(info, CheckpointInfo) else adapter_key(info)
    binned = library.delete(key)
    database.dispose()
    say(f"{info.id} is in the bin: .bin/{binned} in the folder that it lay in.")
    return 0


def _merge_arguments(words: Sequence[str], settings: Settings) -> list[str]:
    """The arguments of the program: ids become paths.

    Raises:
        BadRequest: a name is neither an id nor a path.
    """
    options, rest = _parser("merge").parse_known_args(words)
    catalog = Catalog(_folders(settings))
    paths = [_path(catalog, name) for name in options.models]
    place = place_of(Path(options.new).name, paths[0], options.layout)
    target = settings.model_folders[0] / place
    loras = []
    for given in options.lora:
        name, _, weight = given.rpartition(":")
        loras += ["--lora", f"{_path(catalog, name or given)}:{weight if name else 1}"]
    rest += ["--layout", options.layout] if options.layout else []
    return [str(target), *map(str, paths), *loras, *rest]


def _folders(settings: Settings) -> tuple[Path, ...]:
    """Where models lie, in the folders that were added in the studio too."""
    if not settings.database.exists():
        return settings.model_folders
    database = open_database(settings.database)
    try:
        return settings.folders_with(kept_folders(SettingsStore(database)))
    finally:
        database.dispose()


def _path(catalog: Catalog, name: str) -> Path:
    if Path(name).exists():
        return Path(name).resolve()
    return Path(_find(catalog, name).path)


def _find(catalog: Catalog, name: str) -> CheckpointInfo | AdapterInfo:
    everything = catalog.everything()
    whole = [info for info in everything if info.id == name]
    last = [info for info in everything if info.id.rsplit("/", 1)[-1] == name]
    found = whole or last
    if len(found) == 1:
        return found[0]
    many = f" It may be {' or '.join(repr(str(i.id)) for i in found[:3])}." if found else ""
    raise BadRequest(
        f"No single model or adapter is called {name!r}.{many} `models list` has them all."
    )


def _parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python launch.py models {verb}", description=VERBS[verb], allow_abbrev=False
    )
    if verb == "install":
        parser.add_argument("source")
        parser.add_argument("--kind", choices=tuple(FOLDERS))
        parser.add_argument("--name")
        parser.add_argument("--files", nargs="+")
        parser.add_argument("--sha256")
    elif verb == "merge":
        parser.add_argument("new")
        parser.add_argument("models", nargs="+")
        parser.add_argument("--lora", action="append", default=[])
        parser.add_argument("--layout", choices=("folder", "file"))
    else:
        parser.add_argument("id")
    return parser
