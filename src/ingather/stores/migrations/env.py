"""What Alembic runs for a migration: `run.py` hands it the connection and ends the transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
