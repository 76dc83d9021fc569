"""Giveaways, the log of their commitments, and what was done to each."""

from ingather.stores.migrations import text

revision = "0004"
down_revision = "0003"

BOTH = """
CREATE TABLE giveaways (
    giveaway_id TEXT PRIMARY KEY,
    profile_id  TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    record      TEXT NOT NULL
);
CREATE INDEX giveaways_profile ON giveaways (profile_id, created_at);
CREATE TABLE giveaway_posts (
    media_id    TEXT NOT NULL,
    giveaway_id TEXT NOT NULL,
    PRIMARY KEY (media_id, giveaway_id)
);
CREATE TABLE giveaway_draws (
    seq          BIGINT PRIMARY KEY,
    prev         TEXT,
    commit_hash  TEXT NOT NULL UNIQUE,
    giveaway_id  TEXT NOT NULL UNIQUE,
    committed_at TEXT NOT NULL,
    due_at       TEXT NOT NULL,
    posts        TEXT NOT NULL,
    commitment   TEXT NOT NULL,
    sealed       TEXT NOT NULL,
    anchors      TEXT NOT NULL,
    signature    TEXT,
    drawn_at     TEXT,
    disqualified TEXT NOT NULL,
    version      BIGINT NOT NULL
);
CREATE TABLE giveaway_audit (
    giveaway_id TEXT NOT NULL,
    number      BIGINT NOT NULL,
    at          TEXT NOT NULL,
    who         TEXT NOT NULL,
    action      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    PRIMARY KEY (giveaway_id, number)
);
"""


def upgrade() -> None:
    text.run(BOTH)
