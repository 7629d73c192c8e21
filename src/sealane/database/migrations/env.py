"""What Alembic runs: the revisions, on the connection it was given, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from sealane.database.passkey_tables import metadata  # which has those of the other modules too

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
