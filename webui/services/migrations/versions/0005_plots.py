"""X/Y/Z plots whose grids are to be put together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing of before is a plot."""
    op.create_table(
        "plots",
        sa.Column("batch", sa.String(32), primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("places", sa.Text, nullable=False),
        sa.Column("grid", sa.String(32)),
        sa.Column("ended", sa.Boolean, nullable=False),
    )
