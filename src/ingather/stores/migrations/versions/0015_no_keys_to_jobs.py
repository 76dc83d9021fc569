"""On PostgreSQL no foreign key leads from a cursor or an id left out to its job."""

from ingather.stores.migrations import text

revision = "0015"
down_revision = "0014"

POSTGRESQL = """
ALTER TABLE left_out DROP CONSTRAINT left_out_extraction_fkey;
ALTER TABLE cursors_seen DROP CONSTRAINT cursors_seen_extraction_fkey
"""


def upgrade() -> None:
    text.run(postgresql=POSTGRESQL)
