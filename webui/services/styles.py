"""Styles in CSV files, as AUTOMATIC1111 keeps them: name, prompt, negative_prompt.

`styles.csv` in the data folder is the one that is written. Others beside it (`styles-anything.csv`)
and in a folder `styles/` are read too; of two styles of one name the first counts.
"""

from __future__ import annotations

import csv
import difflib
import io
import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from webui.contracts.errors import BadRequest, FieldProblem, InvalidField, NotFound
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS
from webui.prompt.styles import Style
from webui.services.files import write_file

MAX_NAME_CHARACTERS = 200
_COLUMNS = ("name", "prompt", "negative_prompt")
_OLD_PROMPT = "text"
"""What the column of the prompt was called before there were negative prompts."""

_log = logging.getLogger(__name__)


class StyleStore:
    """Finds, keeps and forgets styles. The files are read anew each time: a person may edit them."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the data folder; it need hold no styles."""
        self._folder = folder
        self._own = folder / "styles.csv"
        self._lock = threading.Lock()

    def list(self) -> tuple[Style, ...]:
        """All styles, in the order of the files."""
        found: dict[str, Style] = {}
        for file in self._files():
            for style in _read(file):
                found.setdefault(style.name, style)
        return tuple(found.values())

    def named(self, names: Iterable[str]) -> tuple[Style, ...]:
        """The styles of these names, in their order.

        Raises:
            InvalidField: there is none of a name; names the near ones.
        """
        wanted = tuple(names)
        known = {style.name: style for style in self.list()} if wanted else {}
        problems = [_unknown(name, list(known)) for name in wanted if name not in known]
        if problems:
            raise InvalidField(problems)
        return tuple(known[name] for name in wanted)

    def save(self, style: Style) -> None:
        """Keep a style, in place of one of its name; it is on disk when this returns.

        Raises:
            BadRequest: its name is empty or too long, or it says nothing.
        """
        _check(style)
        with self._lock:
            holder = self._holder(style.name) or self._own
            present = _read(holder)
            kept = [style if other.name == style.name else other for other in present]
            self._write(holder, kept if style in kept else [*kept, style])

    def delete(self, name: str) -> None:
        """Forget a style.

        Raises:
            NotFound: there is none of this name.
        """
        with self._lock:
            holder = self._holder(name)
            if holder is None:
                raise NotFound("style", name)
            while holder is not None:
                self._write(holder, [style for style in _read(holder) if style.name != name])
                holder = self._holder(name)  # another file may have one of the name

    def _files(self) -> Sequence[Path]:
        beside = sorted(self._folder.glob("styles*.csv")) + sorted(
            (self._folder / "styles").glob("*.csv")
        )
        own = [self._own] if self._own in beside else []
        return [*own, *(file for file in beside if file != self._own)]

    def _holder(self, name: str) -> Path | None:
        """The first file with a style of this name."""
        holders = (f for f in self._files() if any(style.name == name for style in _read(f)))
        return next(holders, None)

    def _write(self, file: Path, styles: Iterable[Style]) -> None:
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, _COLUMNS)
        writer.writeheader()
        writer.writerows({name: getattr(style, name) for name in _COLUMNS} for style in styles)
        write_file(file, out.getvalue().encode("utf-8-sig"), partial=file.parent)


def _read(file: Path) -> list[Style]:
    """The styles in a file; none where it cannot be read. A row without a name is left out."""
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except FileNotFoundError:
        return []
    except (OSError, csv.Error) as error:
        _log.warning("The styles in %s are left out: %s", file, error)
        return []
    return [
        Style(
            row["name"].strip(),
            (row.get("prompt") or row.get(_OLD_PROMPT) or ""),
            row.get("negative_prompt") or "",
        )
        for row in rows
        if (row.get("name") or "").strip()
    ]


def _check(style: Style) -> None:
    name = style.name
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or name != name.strip() or "\n" in name:
        raise BadRequest(
            f"The style's name {name[:50]!r} cannot be kept; one line of 1 to {MAX_NAME_CHARACTERS} "
            "characters without space around it was expected."
        )
    if not style.prompt.strip() and not style.negative_prompt.strip():
        raise BadRequest(f"The style {name!r} says nothing. Give it a prompt or a negative prompt.")
    longest = max(len(style.prompt), len(style.negative_prompt))
    if longest > MAX_PROMPT_CHARACTERS:
        raise BadRequest(
            f"The style {name!r} has {longest} characters; at most {MAX_PROMPT_CHARACTERS} are kept."
        )


def _unknown(name: str, known: Sequence[str]) -> FieldProblem:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]
    expected = " or ".join(repr(n) for n in near) or "nothing, as no style is saved"
    return FieldProblem("styles", repr(name[:100]), expected)
