"""What all tests share: how threads and the collector of garbage behave, and that fast tests run first."""

import gc
import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Engine, event, inspect

from webui.hooks import host
from webui.services import database
from webui.ui.stubs import without_stubs

# As cli.py does for the program: long spins starve other threads when tests share two cores.
# Read by libgomp when torch is loaded, hence here, before any test imports it.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
if "PYTEST_XDIST_WORKER" in os.environ:  # a core each; the processes that they start take as many
    os.environ.setdefault("OMP_NUM_THREADS", "1")


# An example is no slower for its own sake where several programs share two cores: what must be quick says so itself.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have no garbage sought while tests are: nearly all that comes into being stays.

    Gradio is imported as the program does it, without a look at its own stubs.
    """
    gc.disable()
    with without_stubs():
        return (yield)


def pytest_collection_finish() -> None:
    """Keep modules and tests out of the collector's sight, and have it look less often.

    They are some 700,000 objects: a look at them takes half a second, and giving up a model takes one.
    A test that builds a studio makes 50,000 more, which live as long as the test does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes milliseconds before what takes seconds, so that a failure shows soon."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    marks = {mark.name for mark in item.iter_markers()}
    return 2 if "browser" in marks else 1 if "slow" in marks else 0


@pytest.fixture(scope="session", autouse=True)
def unhurried_extensions() -> Iterator[None]:
    """Have no extension named as slow because others use the processor: a test of slow ones sets what they may take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "BUDGET_SECONDS", 60.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def records_that_a_power_cut_may_take() -> Iterator[None]:
    """Have no commit of a test's database wait for the disk: of a studio's tests, each waited sixteen times.

    That the program's own do wait is asked of `Engine.raw_connection`, which this leaves alone.
    """
    event.listen(Engine, "engine_connect", _unsynced)
    yield
    event.remove(Engine, "engine_connect", _unsynced)


def _unsynced(connection: Connection) -> None:
    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session", autouse=True)
def databases_copied_from_one() -> Iterator[None]:
    """Have one new database migrated, and each further one be its copy: that takes a tenth of the time.

    What has tables already, or is to have another schema, is migrated as the program does it.
    """
    migrate, present = database._migrate, (database.MIGRATIONS, database.SCHEMA_REVISION)
    migrated = sqlite3.connect(":memory:", check_same_thread=False)

    def copy(engine: Engine, migrations: Path, revision: str) -> None:
        if (migrations, revision) != present or inspect(engine).get_table_names():
            migrate(engine, migrations, revision)
            return
        if not migrated.execute("SELECT * FROM sqlite_master").fetchone():
            migrate(engine, migrations, revision)
            with _driver(engine) as own:
                own.backup(migrated)
            return
        with _driver(engine) as own:
            migrated.backup(own)

    with closing(migrated), pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_migrate", copy)
        yield


@contextmanager
def _driver(engine: Engine) -> Iterator[sqlite3.Connection]:
    """SQLite's own connection."""
    with closing(engine.raw_connection()) as borrowed:
        assert borrowed.driver_connection is not None
        yield borrowed.driver_connection


@pytest.fixture
def quiet_memory() -> None:
    """Hides from the collector what other tests left in memory, for tests that time or count what is their own."""
    gc.collect()
    gc.freeze()  # for good: modules and tests have to stay hidden
