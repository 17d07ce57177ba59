"""Downloads, what is known of models' files, and what people noted of models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Three new tables; nothing of before is touched."""
    op.create_table(
        "downloads",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("finished", sa.Float),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_downloads_state", "downloads", ["state"])
    op.create_table(
        "files",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("reader", sa.String(64)),
        sa.Column("record", sa.Text),
        sa.Column("sha256", sa.String(64)),
        sa.Column("tensors_sha256", sa.String(64)),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("notes", sa.Text, nullable=False),
    )
