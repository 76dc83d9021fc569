"""The index of the queue holds what may be taken up now, and nothing that is held.

SQLite cannot index a job whose options are no JSON: it leaves the queue here, as it would when a
worker came to it.
"""

from ingather.stores.migrations import text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    text.run("DROP INDEX extractions_waiting")
    text.run(
        sqlite="""
UPDATE extractions SET due = NULL WHERE due IS NOT NULL AND NOT json_valid(options);
CREATE INDEX extractions_waiting ON extractions
    (json_extract(options, '$.sandbox'), source, tenant, priority DESC, requested_at, number)
    WHERE due = 0 AND lease_until IS NULL;
CREATE INDEX extractions_later ON extractions (max(due, coalesce(lease_until, 0)))
    WHERE due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL);
""",
        postgresql="""
CREATE INDEX extractions_waiting ON extractions
    ((CASE WHEN options LIKE '%"sandbox":true%' THEN 1 ELSE 0 END),
     source, tenant, priority DESC, requested_at, number)
    WHERE due = 0 AND lease_until IS NULL;
CREATE INDEX extractions_later ON extractions (greatest(due, lease_until))
    WHERE due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL);
""",
    )
