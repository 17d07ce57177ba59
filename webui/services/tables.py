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
    # Of the request: what it is ordered together with; null for a job by itself.
    Column("batch", String(32), index=True),
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
    Column("seed", Integer, nullable=False, index=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("file", Text, nullable=False, unique=True),
    # The folder of outputs that the file is below; null for the data folder's.
    Column("folder", Text),
    Column("created", Float, nullable=False, index=True),
    # When it was put into the bin; null for a picture that is shown.
    Column("deleted", Float),
    # As its job's.
    Column("batch", String(32), index=True),
    UniqueConstraint("job_id", "index"),
)

PICTURE_WORDS = Table(
    "picture_words",
    METADATA,
    # Never used twice: the full-text index knows rows by it.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("picture", String(32), ForeignKey("pictures.id"), nullable=False, unique=True),
    # What it was drawn from, as `contracts.picture_search.words_of` folds it, a space around each word.
    Column("prompt", Text, nullable=False),
    Column("negative", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("sampler", Text, nullable=False),
    sqlite_autoincrement=True,
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", String(200), primary_key=True),
    Column("value", Text, nullable=False),
)

DOWNLOADS = Table(
    "downloads",
    METADATA,
    # The order of the list: rises with each order and is never used twice.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    # What is fetched and where it goes, as JSON of `contracts.download.Download`.
    Column("plan", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("error", Text),
    Column("created", Float, nullable=False),
    Column("finished", Float),
    sqlite_autoincrement=True,
)

FILES = Table(
    "files",
    METADATA,
    # Absolute path of a model's file or folder; a row counts while size and time are the file's.
    Column("path", Text, primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    # What was read of it, as JSON, and which reader that was; null: only hashes are known.
    Column("reader", String(64)),
    Column("record", Text),
    # Hex: of the whole file, and of the tensors of a safetensors file alone.
    Column("sha256", String(64)),
    Column("tensors_sha256", String(64)),
)

NOTES = Table(
    "notes",
    METADATA,
    # Id of a model or an adapter with its kind before it: 'lora:starter/loras/chalk'.
    Column("id", Text, primary_key=True),
    # What a person wrote of it, as JSON of `contracts.notes.Notes`.
    Column("notes", Text, nullable=False),
)

PLOTS = Table(
    "plots",
    METADATA,
    Column("batch", String(32), primary_key=True),
    # The order with its plot, as JSON; the three axes' labels; each job's place in the grid, in the jobs' order.
    Column("request", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("places", Text, nullable=False),
    # The job that the grid is of, once it is there; none where nothing was drawn.
    Column("grid", String(32)),
    Column("ended", Boolean, nullable=False),
)
