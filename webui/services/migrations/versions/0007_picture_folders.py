"""Pictures may lie in other folders than the data folder's outputs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those of before are in the usual one."""
    op.add_column("pictures", sa.Column("folder", sa.Text))
