"""Downloads in the record: each function is one short transaction."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, Row, delete, insert, select, update

from webui.contracts.download import Download, DownloadState, RemoteFile
from webui.contracts.errors import NotFound
from webui.contracts.ids import DownloadId
from webui.services.database import reading, writing
from webui.services.tables import DOWNLOADS

_PLAN = ("source", "title", "kind", "target", "is_folder", "base", "triggers")


class DownloadRecords:
    """What was ordered and how it stands; how far a transfer is, its files say."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def add(self, download: Download) -> None:
        """Keep a new one; it is on disk when this returns."""
        with writing(self._database) as connection:
            connection.execute(
                insert(DOWNLOADS).values(
                    id=download.id, plan=_plan(download), state=download.state.value,
                    created=download.created,
                )
            )  # fmt: skip

    def all(self) -> tuple[Download, ...]:
        """All, oldest first."""
        with reading(self._database) as connection:
            rows = connection.execute(select(DOWNLOADS).order_by(DOWNLOADS.c.number)).all()
        return tuple(_download(row) for row in rows)

    def get(self, download_id: DownloadId) -> Download:
        """One of them.

        Raises:
            NotFound: there is none of this id.
        """
        with reading(self._database) as connection:
            row = connection.execute(select(DOWNLOADS).where(DOWNLOADS.c.id == download_id)).first()
        if row is None:
            raise NotFound("download", download_id)
        return _download(row)

    def next_waiting(self) -> Download | None:
        """The one whose turn it is: one that was begun, else the oldest that waits."""
        states = (DownloadState.RUNNING, DownloadState.WAITING)
        for state in states:
            query = select(DOWNLOADS).where(DOWNLOADS.c.state == state.value)
            with reading(self._database) as connection:
                row = connection.execute(query.order_by(DOWNLOADS.c.number)).first()
            if row is not None:
                return _download(row)
        return None

    def put(self, download: Download) -> bool:
        """Write down how it stands; whether it is still on the list."""
        with writing(self._database) as connection:
            done = connection.execute(
                update(DOWNLOADS)
                .where(DOWNLOADS.c.id == download.id)
                .values(
                    plan=_plan(download), state=download.state.value, error=download.error,
                    finished=download.finished,
                )
            )  # fmt: skip
            return done.rowcount == 1

    def drop(self, download_id: DownloadId) -> None:
        """Take it off the list."""
        with writing(self._database) as connection:
            connection.execute(delete(DOWNLOADS).where(DOWNLOADS.c.id == download_id))


def _plan(download: Download) -> str:
    said = {name: getattr(download, name) for name in _PLAN}
    return json.dumps({**said, "files": [asdict(file) for file in download.files]})


# Any: the columns of a row are untyped.
def _download(row: Row[Any]) -> Download:
    plan = json.loads(row.plan)
    plan["files"] = tuple(RemoteFile(**file) for file in plan["files"])
    plan["triggers"] = tuple(plan["triggers"])
    return Download(
        id=DownloadId(row.id), state=DownloadState(row.state), error=row.error,
        created=row.created, finished=row.finished, **plan,
    )  # fmt: skip
