"""The tables of the record, as SQLAlchemy Core sees them; `migrations/` creates them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

JOBS = Table(
    "jobs",
    METADATA,
    # The order of the queue: rises with each submitted job and is never used twice.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("request", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("error", Text),
    Column("note", Text),
    Column("attempts", Integer, nullable=False),
    # How often a worker ended while it held the job; the second time fails it.
    Column("deaths", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    # Of the request's priority: higher ones are given out first.
    Column("rank", Integer, nullable=False, server_default="0"),
    Column("created", Float, nullable=False, index=True),
    Column("started", Float),
    Column("finished", Float),
    sqlite_autoincrement=True,
)

PICTURES = Table(
    "pictures",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), ForeignKey("jobs.id"), nullable=False),
    Column("index", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("file", Text, nullable=False, unique=True),
    Column("created", Float, nullable=False, index=True),
    # When it was put into the bin; null for a picture that is shown.
    Column("deleted", Float),
    UniqueConstraint("job_id", "index"),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)
