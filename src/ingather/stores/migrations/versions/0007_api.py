"""The HTTP door: keys, answers given again, webhooks."""

from ingather.stores.migrations import text

revision = "0007"
down_revision = "0006"

BOTH = """
CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    digest     TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    used_at    TEXT,
    revoked_at TEXT
);

CREATE TABLE api_answers (
    owner  TEXT NOT NULL,
    name   TEXT NOT NULL,
    digest TEXT NOT NULL,
    begun  DOUBLE PRECISION NOT NULL,
    status INTEGER,
    answer TEXT,
    PRIMARY KEY (owner, name)
);

CREATE INDEX api_answers_begun ON api_answers (begun);

CREATE TABLE webhooks (
    id         TEXT PRIMARY KEY,
    job        TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    url        TEXT NOT NULL,
    secret     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    due        DOUBLE PRECISION NOT NULL,
    status     INTEGER,
    error      TEXT,
    created_at TEXT NOT NULL,
    ended_at   TEXT
);

CREATE INDEX webhooks_due ON webhooks (state, due);
"""


def upgrade() -> None:
    text.run(BOTH)
