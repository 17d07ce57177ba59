"""What pictures are searched by; those of before are noted at the next start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows for the words, and an index for seeds."""
    op.create_table(
        "picture_words",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "picture", sa.String(32), sa.ForeignKey("pictures.id"), nullable=False, unique=True
        ),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("prompt", "negative", "model", "sampler")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_pictures_seed", "pictures", ["seed"])
