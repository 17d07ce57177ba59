"""How Alembic runs our migrations: inside the transaction that `database.py` hands in."""

from __future__ import annotations

from alembic import context

from webui.services.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
