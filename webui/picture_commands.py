"""`launch.py pictures`: how much is in the bin, and emptying it for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from webui.contracts.errors import EaselError
from webui.contracts.settings import Settings
from webui.services.database import open_database
from webui.services.picture_bin import BinContents, PictureBin

VERBS: Mapping[str, str] = {
    "bin": "say how many deleted pictures there are and how large they are (the default)",
    "empty-bin": "remove them for good, after a question; --yes answers it",
}
"""Name and explanation."""


def run_pictures(
    words: Sequence[str], data_dir: Path, say: Callable[[str], None], ask: Callable[[str], str]
) -> int:
    """Run one verb; the result is the exit status.

    Args:
        words: What follows `pictures`, without the flags that all commands have.
        data_dir: Where the record and the pictures are.
        say: Writes a line.
        ask: Asks a question at the terminal and gives the answer.
    """
    verb = words[0] if words and not words[0].startswith("-") else "bin"
    further = [word for word in words if word != verb]
    if "--help" in words or verb not in VERBS or set(further) - {"--yes"}:
        lines = "\n".join(f"  {name:10} {text}" for name, text in VERBS.items())
        say(f"python launch.py pictures [verb] [flags]\n\n{lines}")
        return 0 if "--help" in words else 2
    settings = Settings(data_dir=data_dir)
    if not settings.database.exists():
        say(f"There is no record of pictures in {str(data_dir)!r}.")
        return 0
    try:
        database = open_database(settings.database)
        try:
            bin_ = PictureBin(database, settings.outputs)
            return (
                _empty(bin_, "--yes" in further, say, ask)
                if verb == "empty-bin"
                else _tell(bin_, say)
            )
        finally:
            database.dispose()
    except (EaselError, OSError) as error:
        say(str(error))
        return 1


def _tell(bin_: PictureBin, say: Callable[[str], None]) -> int:
    say(f"In the bin: {_counted(bin_.contents())}.")
    return 0


def _empty(
    bin_: PictureBin, is_sure: bool, say: Callable[[str], None], ask: Callable[[str], str]
) -> int:
    found = bin_.contents()
    if not found.pictures:
        say("The bin is empty.")
        return 0
    if not is_sure:
        try:
            answer = ask(f"Remove {_counted(found)} for good? Nothing brings them back. [yes/no] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() != "yes":
            say("Nothing was removed.")
            return 1
    say(f"Removed: {_counted(bin_.empty())}.")
    return 0


def _counted(contents: BinContents) -> str:
    noun = "picture" if contents.pictures == 1 else "pictures"
    return f"{contents.pictures} {noun}, {contents.bytes / 2**20:.1f} MiB"
