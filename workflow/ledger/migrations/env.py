"""Alembic's entry point: runs the migrations on the connection that ``workflow.ledger.ledger.migrate`` hands over.

There is no alembic.ini: the program finds its migrations next to this file, wherever it is installed.
"""

from __future__ import annotations

from alembic import context

from workflow.ledger import control_tables, desk_tables, intake_tables, tables  # noqa: F401
from workflow.ledger.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
