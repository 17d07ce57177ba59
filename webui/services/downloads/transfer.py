"""One file over the network: resumed where it was left, checked, never half under its name.

The part that has come lies in a file `*.part`; beside it `*.validator` keeps what the server called
that content (its ETag), so that after a restart too the rest is asked for only of the same content
(RFC 9110, If-Range). Without either a validator or a hash to check at the end, it begins anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from webui.contracts.download import RemoteFile
from webui.contracts.errors import DownloadFailed
from webui.services.downloads.names import WEIGHTS
from webui.services.downloads.network import Answer, Dropped, Web, raise_for_status

MOST_BYTES = 500 * 2**30
"""Of one file; more is a mistake or an attack."""
SPARE_BYTES = 2**30
"""Left free on the disk."""
MOST_TRIES = 6
"""In a row that bring nothing."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
_READ_BYTES = 1 << 22


class Stopped(Exception):
    """It was asked to stop; what has come is kept. Never leaves this package."""


@dataclass(frozen=True)
class Watch:
    """How a transfer tells of itself and is told to stop."""

    moved: Callable[[int], None]
    """Called with the bytes of the file that are on disk."""
    sized: Callable[[int], None]
    """Called with the file's size when the server has said it."""
    wait: Callable[[float], bool]
    """Waits so many seconds, or until it is to stop; whether it is."""


def fetch(web: Web, wanted: RemoteFile, part: Path, watch: Watch) -> None:
    """Fetch a file into `part`; when this returns it is whole, checked and on disk.

    Raises:
        DownloadFailed: it cannot be had, or is not what was announced; what was wrong is deleted.
        Stopped: it was asked to stop.
        BadRequest, ForbiddenAddress: as `Web.get`.
        OSError: the disk.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    tries = 0
    got = _Part.found(part)
    while True:
        before = got.bytes
        try:
            _receive(web, wanted, got, watch)
            break
        except Dropped as drop:
            tries = 1 if got.bytes > before else tries + 1
            if tries >= MOST_TRIES:
                raise DownloadFailed(
                    f"{wanted.path!r}: {drop}, {tries} times in a row. What has come is kept; go on later."
                ) from drop
            pause = max(
                min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT), min(drop.seconds, LONGEST_WAIT)
            )
            if watch.wait(pause):
                raise Stopped from drop
    _check(wanted, got)


@dataclass
class _Part:
    """What of a file has come."""

    path: Path
    bytes: int = 0
    validator: str = ""
    # Not annotated more closely: hashlib names no public type of a hash.
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @classmethod
    def found(cls, path: Path) -> _Part:
        """As it lies on the disk; its bytes are read once, for the hash."""
        part = cls(path)
        note = part.note
        if path.is_file():
            part.validator = note.read_text("utf-8") if note.is_file() else ""
            with path.open("rb") as stream:
                while block := stream.read(_READ_BYTES):
                    part.digest.update(block)
                    part.bytes += len(block)
        return part

    @property
    def note(self) -> Path:
        """Where the validator is kept."""
        return self.path.with_name(self.path.name + ".validator")

    def restart(self) -> None:
        """Forget what has come."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.bytes, self.validator, self.digest = 0, "", hashlib.sha256()

    def keep_validator(self, validator: str) -> None:
        """Remember what the server calls this content."""
        self.validator = validator
        self.note.write_text(validator, "utf-8")


def _receive(web: Web, wanted: RemoteFile, got: _Part, watch: Watch) -> None:
    """Ask for what is missing and write it down.

    Raises:
        Dropped: not all of it came.
    """
    if got.bytes and not (got.validator or wanted.sha256):
        got.restart()
    watch.moved(got.bytes)
    if wanted.bytes is not None and got.bytes == wanted.bytes > 0:
        return
    headers = {}
    if got.bytes:
        headers["Range"] = f"bytes={got.bytes}-"
        if got.validator:
            headers["If-Range"] = got.validator
    with web.get(wanted.url, headers) as answer:
        total = _begin(wanted, got, answer)
        if total is not None:
            watch.sized(total)
            _check_room(wanted, got, total)
        _write(wanted, got, answer, total, watch)
    if total is not None and got.bytes < total:
        raise Dropped(f"the connection ended after {got.bytes} of {total} bytes")


def _begin(wanted: RemoteFile, got: _Part, answer: Answer) -> int | None:
    """Take note of an answer's head; the file's whole size, where it is said.

    Raises:
        Dropped: what has come is of no use; it was deleted.
        DownloadFailed: it is not what was announced.
    """
    if answer.status == 416:
        got.restart()
        raise Dropped("the server has no such range")
    raise_for_status(answer)
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html") and wanted.path.lower().endswith(WEIGHTS):
        raise DownloadFailed(
            f"A web page came instead of {wanted.path!r}: a login may be needed there."
        )
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise DownloadFailed(f"{wanted.path!r} comes compressed, though that was not asked for.")
    if answer.status == 206:
        total = _resumed(got, answer.headers.get("content-range", ""))
    else:
        got.restart()
        length = answer.headers.get("content-length", "")
        total = int(length) if length.isdigit() else None
    if total is not None and wanted.bytes is not None and total != wanted.bytes:
        got.restart()
        raise DownloadFailed(
            f"{wanted.path!r} has {total} bytes at the server, where {wanted.bytes} were announced."
        )
    got.keep_validator(_strong_validator(answer))
    return total


def _resumed(got: _Part, header: str) -> int | None:
    """The whole size that a `Content-Range` says, if it goes on where we are.

    Raises:
        Dropped: it does not; what has come was deleted.
    """
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", header.strip())
    if found is None or int(found[1]) != got.bytes:
        got.restart()
        raise Dropped(f"the server sent the range {header[:100]!r}")
    return None if found[2] == "*" else int(found[2])


def _strong_validator(answer: Answer) -> str:
    """What names this very content: If-Range takes strong ETags, and dates where there is none."""
    etag = answer.headers.get("etag", "")
    if etag:
        return "" if etag.startswith("W/") else etag
    return answer.headers.get("last-modified", "")


def _check_room(wanted: RemoteFile, got: _Part, total: int) -> None:
    if total > MOST_BYTES:
        raise DownloadFailed(f"{wanted.path!r} has {total} bytes; at most {MOST_BYTES} are taken.")
    missing, free = total - got.bytes, shutil.disk_usage(got.path.parent).free
    if missing > free - SPARE_BYTES:
        raise DownloadFailed(
            f"{wanted.path!r} needs {missing / 1e9:.1f} GB more and {free / 1e9:.1f} GB are free on the disk, of "
            f"which {SPARE_BYTES / 1e9:.0f} GB stay free. Delete something and go on."
        )


def _write(wanted: RemoteFile, got: _Part, answer: Answer, total: int | None, watch: Watch) -> None:
    most = MOST_BYTES if total is None else total
    stopped = False
    with got.path.open("ab") as file:
        try:
            for chunk in answer.chunks:
                file.write(chunk)
                got.digest.update(chunk)
                got.bytes += len(chunk)
                watch.moved(got.bytes)
                stopped = watch.wait(0)
                if stopped or got.bytes > most:
                    break
        finally:
            file.flush()
            os.fsync(file.fileno())
    if stopped:
        raise Stopped
    if got.bytes > most:
        got.restart()
        raise DownloadFailed(f"{wanted.path!r} is longer than the {most} bytes announced.")


def _check(wanted: RemoteFile, got: _Part) -> None:
    """Compare what came with what was announced; what differs is deleted.

    Raises:
        DownloadFailed: says what was wrong.
    """
    if wanted.bytes is not None and got.bytes != wanted.bytes:
        size = got.bytes
        got.restart()
        raise DownloadFailed(
            f"{wanted.path!r} came with {size} bytes; {wanted.bytes} were announced."
        )
    digest = got.digest.hexdigest()
    if wanted.sha256 is not None and digest != wanted.sha256.lower():
        got.restart()
        raise DownloadFailed(
            f"{wanted.path!r} has the sha256 {digest}, where {wanted.sha256.lower()} was announced: it was changed "
            "on its way or at its source, and was deleted."
        )
    got.note.unlink(missing_ok=True)
