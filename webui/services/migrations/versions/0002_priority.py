"""The priority of a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Jobs of before have the normal one."""
    op.add_column("jobs", sa.Column("rank", sa.Integer, nullable=False, server_default="0"))
