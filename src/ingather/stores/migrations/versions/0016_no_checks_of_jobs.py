"""PostgreSQL checks the words of a job's status no more: it reads such a rule anew for each
statement that writes the row, as each page and claim does, and the program knows the words."""

from ingather.stores.migrations import text

revision = "0016"
down_revision = "0015"

POSTGRESQL = """
ALTER TABLE extractions DROP CONSTRAINT IF EXISTS extractions_status_check;
ALTER TABLE extractions DROP CONSTRAINT IF EXISTS extractions_wish_check
"""


def upgrade() -> None:
    text.run(postgresql=POSTGRESQL)
