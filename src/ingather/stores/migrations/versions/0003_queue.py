"""Workers take up jobs by priority, fairly between tenants."""

from ingather.stores.migrations import text

revision = "0003"
down_revision = "0002"

BOTH = """
DROP INDEX extractions_requested_at;
CREATE INDEX extractions_requested_at ON extractions (requested_at, id);
CREATE INDEX extractions_of_tenant ON extractions (tenant, requested_at, id);
CREATE INDEX extractions_waiting
    ON extractions (tenant, priority DESC, requested_at, number) WHERE due IS NOT NULL;
"""


def upgrade() -> None:
    text.run(
        sqlite="""
ALTER TABLE extractions ADD COLUMN tenant TEXT NOT NULL DEFAULT 'local';
ALTER TABLE extractions ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE extractions ADD COLUMN due REAL;
CREATE TABLE turns (tenant TEXT PRIMARY KEY, turn INTEGER NOT NULL) WITHOUT ROWID;
""",
        postgresql="""
ALTER TABLE extractions ADD COLUMN tenant TEXT COLLATE "C" NOT NULL DEFAULT 'local';
ALTER TABLE extractions ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE extractions ADD COLUMN due DOUBLE PRECISION;
CREATE TABLE turns (tenant TEXT COLLATE "C" PRIMARY KEY, turn BIGINT NOT NULL);
""",
    )
    text.run(BOTH)
