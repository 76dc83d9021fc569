"""Who told each of a reel's numbers, and what a second source has added to an analysis."""

from ingather.stores.migrations import text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    text.run("""
CREATE TABLE reel_origins (
    analysis_id   TEXT NOT NULL,
    reel_id       TEXT NOT NULL,
    likes_from    TEXT,
    comments_from TEXT,
    views_from    TEXT,
    duration_from TEXT,
    PRIMARY KEY (analysis_id, reel_id)
);
ALTER TABLE analyses ADD COLUMN filled TEXT;
""")
