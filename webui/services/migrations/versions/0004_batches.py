"""What a job was ordered together with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Jobs of before are by themselves."""
    for table in ("jobs", "pictures"):
        op.add_column(table, sa.Column("batch", sa.String(32)))
        op.create_index(f"ix_{table}_batch", table, ["batch"])
