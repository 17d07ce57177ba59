"""The words that pictures were drawn from, as an index that a search asks.

A row a picture in `picture_words`, folded by `words_of`; over it a full-text index (SQLite's FTS5) that is made and
brought up to date at each start, because it holds nothing that the rows do not. Where SQLite was built without
FTS5 the rows are read instead: slower, and the same pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, insert, or_, select, text
from sqlalchemy.exc import OperationalError

from webui.contracts.ids import PictureId
from webui.contracts.picture_search import TEXT_KEYS, Phrase, PictureSearch, words_of
from webui.services.database import reading, writing
from webui.services.tables import JOBS, PICTURE_WORDS, PICTURES

_AT_A_TIME = 500
_COLUMNS = ", ".join(TEXT_KEYS)
_MAKE = (
    f"CREATE VIRTUAL TABLE IF NOT EXISTS picture_index USING fts5({_COLUMNS}, content='picture_words', "
    "content_rowid='number', tokenize='unicode61 remove_diacritics 0')"
)
_CATCH_UP = (
    f"INSERT INTO picture_index(rowid, {_COLUMNS}) SELECT number, {_COLUMNS} FROM picture_words "
    "WHERE number > (SELECT coalesce(max(id), 0) FROM picture_index_docsize)"
)


class PictureIndex:
    """Notes what pictures were drawn from, and says which rows a search means."""

    def __init__(self, database: Engine, *, full_text: bool = True) -> None:
        """Adds the pictures that an older Easel recorded; without `full_text` as if FTS5 were not there."""
        self._database = database
        self._note_older()
        self.has_full_text = full_text and self._make_index()

    def note(
        self, connection: Connection, picture: PictureId, request: Mapping[str, Any], index: int
    ) -> None:
        """Add a picture's words, in the transaction that records it.

        Args:
            connection: The open transaction.
            picture: It.
            request: Its job's request, as JSON has it.
            index: Its place in the job.
        """
        row = {"picture": picture, **_texts(request, index)}
        number = connection.execute(insert(PICTURE_WORDS).values(row)).inserted_primary_key
        if self.has_full_text and number is not None:
            connection.execute(
                text(
                    f"INSERT INTO picture_index(rowid, {_COLUMNS}) VALUES (:number, "
                    + ", ".join(f":{name}" for name in TEXT_KEYS) + ")"
                ),
                {"number": number[0], **row},
            )  # fmt: skip

    def conditions(self, search: PictureSearch) -> Iterator[ColumnElement[bool]]:
        """What must hold of the rows of `pictures`."""
        if search.seed is not None:
            yield PICTURES.c.seed == search.seed
        if search.since is not None:
            yield PICTURES.c.created >= search.since
        if search.until is not None:
            yield PICTURES.c.created < search.until
        wanted = [phrase for phrase in search.phrases if not phrase.excluded]
        unwanted = [phrase for phrase in search.phrases if phrase.excluded]
        if wanted:
            yield PICTURES.c.id.in_(self._pictures_with(wanted, "AND"))
        if unwanted:
            yield PICTURES.c.id.not_in(self._pictures_with(unwanted, "OR"))

    def _pictures_with(self, phrases: Sequence[Phrase], joint: str) -> Any:
        """A query for the ids of those that have all ('AND') or any ('OR') of the phrases."""
        found = select(PICTURE_WORDS.c.picture)
        if not self.has_full_text:
            alike = [
                PICTURE_WORDS.c[p.text].contains(f" {' '.join(p.words)}{' ' if p.whole else ''}", autoescape=True)
                for p in phrases
            ]  # fmt: skip
            return found.where(and_(*alike) if joint == "AND" else or_(*alike))
        matched = " ".join(
            f'{joint if place else ""} ({p.text} : "{" ".join(p.words)}"{"" if p.whole else " *"})'
            for place, p in enumerate(phrases)
        )
        name = f"matched_{joint.lower()}"
        rows = text(f"SELECT rowid FROM picture_index WHERE picture_index MATCH :{name}")
        rows = rows.bindparams(**{name: matched})
        return found.where(PICTURE_WORDS.c.number.in_(rows.columns(PICTURE_WORDS.c.number)))

    def _note_older(self) -> None:
        has_none = ~select(PICTURE_WORDS.c.number).where(
            PICTURE_WORDS.c.picture == PICTURES.c.id
        ).exists()  # fmt: skip
        with reading(self._database) as connection:
            missing = list(connection.scalars(select(PICTURES.c.id).where(has_none)))
        for start in range(0, len(missing), _AT_A_TIME):
            query = (
                select(PICTURES.c.id, PICTURES.c.index, JOBS.c.request)
                .join(JOBS, JOBS.c.id == PICTURES.c.job_id)
                .where(PICTURES.c.id.in_(missing[start : start + _AT_A_TIME]))
                .order_by(PICTURES.c.created)
            )
            with writing(self._database) as connection:
                rows = [
                    {"picture": picture, **_texts(json.loads(request), index)}
                    for picture, index, request in connection.execute(query).all()
                ]
                if rows:
                    connection.execute(insert(PICTURE_WORDS), rows)

    def _make_index(self) -> bool:
        try:
            with writing(self._database) as connection:
                connection.exec_driver_sql(_MAKE)
                connection.exec_driver_sql(_CATCH_UP)
        except OperationalError as error:
            if "fts5" not in str(error.orig):
                raise
            return False
        return True


def _texts(request: Mapping[str, Any], index: int) -> dict[str, str]:
    """Folded texts of a picture, each with a space before and after each word."""
    drawn: Sequence[Mapping[str, Any]] = request.get("texts") or ({},)
    own: Mapping[str, Any] = {**request, **drawn[min(index, len(drawn) - 1)]}
    loras = (*own.get("loras", ()), *own.get("hires_loras", ()))
    told = {
        "prompt": " ".join(
            [own.get("prompt", ""), own.get("hires_prompt", ""), request.get("source_name", "")]
            + [use.get("adapter", "").rsplit("/", 1)[-1] for use in loras]
        ),
        "negative": f"{own.get('negative_prompt', '')} {own.get('hires_negative_prompt', '')}",
        "model": request.get("model", ""),
        "sampler": request.get("sampler", ""),
    }
    return {name: f" {' '.join(words_of(told[name]))} " for name in TEXT_KEYS}
