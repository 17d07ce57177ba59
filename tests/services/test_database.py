"""The record opens, migrates with a copy beside it, and refuses what it cannot use."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from webui.contracts.errors import UnusableDatabase
from webui.services.database import MIGRATIONS, SCHEMA_REVISION, open_database, reading, writing
from webui.services.job_records import select_next
from webui.services.tables import METADATA

_NEXT = "9000"
_NEXT_MIGRATION = f"""
from alembic import op
revision, down_revision, branch_labels, depends_on = "{_NEXT}", "{SCHEMA_REVISION}", None, None
def upgrade():
    op.execute("ALTER TABLE settings ADD COLUMN note TEXT")
    {{more}}
"""


def _with_a_next_migration(folder: Path, more: str) -> Path:
    migrations = folder / "migrations"
    (migrations / "versions").mkdir(parents=True)
    for file in [MIGRATIONS / "env.py", *(MIGRATIONS / "versions").glob("*.py")]:
        (migrations / file.relative_to(MIGRATIONS)).write_text(file.read_text())
    (migrations / "versions" / f"{_NEXT}_next.py").write_text(_NEXT_MIGRATION.format(more=more))
    return migrations


def _put_setting(path: Path) -> None:
    engine = open_database(path)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO settings VALUES ('tab', '1')"))
    engine.dispose()


def _columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(settings)")]


def test_the_named_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_REVISION


def test_migrations_make_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "easel.sqlite")
    with reading(engine) as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert differences == []


def test_a_database_is_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "easel.sqlite")
    engine.dispose()  # of the connections that tests/conftest.py changed
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        settings = [
            cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        ]
    engine.dispose()
    assert settings == ["wal", 1, 5000, 2]


def test_a_new_database_leaves_no_backup(tmp_path: Path) -> None:
    open_database(tmp_path / "easel.sqlite").dispose()
    open_database(tmp_path / "easel.sqlite").dispose()
    assert list(tmp_path.glob("*backup*")) == []


def test_a_migration_keeps_the_rows_and_a_copy_from_before(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite"
    _put_setting(path)
    migrations = _with_a_next_migration(tmp_path, "pass")
    open_database(path, migrations, _NEXT).dispose()
    (backup,) = tmp_path.glob(f"easel.sqlite.backup-{SCHEMA_REVISION}-*")
    assert _columns(path) == ["key", "value", "note"]
    assert _columns(backup) == ["key", "value"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key, value FROM settings").fetchall() == [("tab", "1")]


def test_jobs_of_the_first_schema_are_queued_with_normal_priority(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite"
    open_database(path, revision="0001").dispose()
    columns = "number, id, request, state, step, steps, attempts, deaths, cancel_requested, created"
    values = """1, 'old', '{"prompt": "a boat"}', 'queued', 0, 4, 0, 0, 0, 5.0"""
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute(f"INSERT INTO jobs ({columns}) VALUES ({values})")
    engine = open_database(path)
    with reading(engine) as connection:
        job = select_next(connection, ())
    engine.dispose()
    assert job is not None
    assert (job.id, job.place, job.request.priority) == ("old", 0, "Normal")


def test_a_failing_migration_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite"
    _put_setting(path)
    migrations = _with_a_next_migration(tmp_path, 'op.execute("DROP TABLE nowhere")')
    with pytest.raises(UnusableDatabase, match=rf"left as it was.*backup-{SCHEMA_REVISION}"):
        open_database(path, migrations, _NEXT)
    assert _columns(path) == ["key", "value"]
    open_database(path).dispose()


def test_a_database_of_a_newer_program_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite"
    _put_setting(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnusableDatabase, match="9999"):
        open_database(path)
    assert _columns(path) == ["key", "value"]


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 500]
)
def test_a_damaged_file_is_refused_and_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "easel.sqlite"
    path.write_bytes(content)
    with pytest.raises(UnusableDatabase, match="cannot be read as a database"):
        open_database(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "easel.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(UnusableDatabase, match="recipes"):
        open_database(path)


def test_many_threads_write_at_once_and_none_is_lost(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "easel.sqlite")
    errors: list[Exception] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with writing(engine) as connection:
                    value = int(connection.scalar(text("SELECT value FROM settings")) or 0)
                    connection.execute(
                        text("UPDATE settings SET value = :v"), {"v": str(value + 1)}
                    )
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    with writing(engine) as connection:
        connection.execute(text("INSERT INTO settings VALUES ('n', '0')"))
    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        total = connection.scalar(text("SELECT value FROM settings"))
    engine.dispose()
    assert (errors, total) == ([], "80")


def test_a_failing_transaction_changes_nothing(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "easel.sqlite")
    with pytest.raises(ZeroDivisionError):
        _fail_in_the_middle(engine)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM settings")) == 0
    engine.dispose()


def _fail_in_the_middle(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO settings VALUES ('n', '0')"))
        raise ZeroDivisionError
