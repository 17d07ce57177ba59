"""Opening the record: SQLite in WAL mode, brought to the present schema by Alembic.

Several threads use it at once. Every transaction is short, and one that writes begins with
BEGIN IMMEDIATE: it takes its turn at the start instead of failing in the middle.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from webui.contracts.errors import UnusableDatabase

SCHEMA_REVISION = "0007"
"""The newest revision in `migrations/versions`; a test compares them.

Kept here so that a start with a present database need not import Alembic.
"""
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 5

_log = logging.getLogger(__name__)


def open_database(
    path: Path, migrations: Path = MIGRATIONS, revision: str = SCHEMA_REVISION
) -> Engine:
    """Open the database at `path`, creating or migrating it.

    An existing database of an older schema is first copied beside itself. A migration is one
    transaction: when it fails, the file is as it was.

    Raises:
        UnusableDatabase: the file is no database, is newer than this program, or did not migrate.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    present = _present_revision(path)
    engine = _engine(path)
    if present == revision:
        return engine
    backup = None if present is None else _back_up(path, present)
    try:
        _migrate(engine, migrations, revision)
    except (SQLAlchemyError, sqlite3.Error, UnusableDatabase) as error:
        engine.dispose()
        kept = "" if backup is None else f" A copy from before is {str(backup)!r}."
        raise UnusableDatabase(
            f"The database {str(path)!r} (schema {present!r}) could not be brought to schema "
            f"{revision!r}: {error}. It was left as it was.{kept} Start the version of Easel that "
            "wrote it, or move the file away to begin with an empty one."
        ) from error
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads: sees one state of the record, waits for nobody."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, alone; committed at the end, rolled back by an exception."""
    with engine.connect() as plain:
        connection = plain.execution_options(easel_begin="BEGIN IMMEDIATE")
        with connection.begin():
            yield connection


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS}, pool_size=8, max_overflow=32
    )

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # The driver must not begin transactions by itself: it would begin them too late.
        connection.isolation_level = None
        # FULL: a power cut, too, takes nothing back that was acknowledged.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("easel_begin", "BEGIN"))

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


def _present_revision(path: Path) -> str | None:
    """The schema that the file has; None when there is no database yet."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise UnusableDatabase(
                    f"{str(path)!r} is a database of another program: it has the tables "
                    f"{', '.join(sorted(tables))[:200]}. Move it away or choose another --data-dir."
                )
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return None if row is None else str(row[0])
    except sqlite3.Error as error:
        raise UnusableDatabase(
            f"{str(path)!r} cannot be read as a database: {error}. Nothing was changed. Restore a "
            "copy that lies beside it, or move the file away to begin with an empty one."
        ) from error


def _back_up(path: Path, revision: str) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    backup = path.with_name(f"{path.name}.backup-{revision}-{stamp}")
    # SQLite's own copy: it includes what is still in the write-ahead log.
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    _log.info("The database was copied to %s before its schema is changed.", backup)
    return backup


def _migrate(engine: Engine, migrations: Path, revision: str) -> None:
    # Imported here because it takes a fifth of a second that only a first start needs.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise UnusableDatabase(f"{error} (a newer Easel may have written it)") from error
