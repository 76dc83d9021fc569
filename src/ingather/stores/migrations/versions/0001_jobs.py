"""Jobs, their records, the cache and the limits, as they were before there were revisions."""

from ingather.stores.migrations import text

revision = "0001"
down_revision = None

# Files from before there were revisions have some of these tables, the oldest no users and media.
SQLITE = """
CREATE TABLE IF NOT EXISTS extractions (
    number          INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    extraction_type TEXT NOT NULL,
    open_key        TEXT UNIQUE,
    owner           TEXT NOT NULL,
    source          TEXT NOT NULL,
    route           TEXT NOT NULL,
    targets         TEXT NOT NULL,
    options         TEXT NOT NULL,
    progress        TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN
        ('pending', 'running', 'paused', 'csv_pending', 'done', 'failed', 'cancelled')),
    reason          TEXT,
    error           TEXT,
    file            TEXT,
    wish            TEXT CHECK (wish IN ('pause', 'cancel')),
    sequence        INTEGER NOT NULL DEFAULT 0,
    fence           INTEGER NOT NULL DEFAULT 0,
    attempts        INTEGER NOT NULL DEFAULT 0,
    holder          TEXT,
    lease_until     REAL,
    outcome         TEXT,
    requested_at    TEXT NOT NULL,
    started_at      TEXT,
    finished_at     TEXT
);

CREATE INDEX IF NOT EXISTS extractions_requested_at ON extractions (requested_at);
CREATE TABLE IF NOT EXISTS comments (
    place             INTEGER PRIMARY KEY,
    extraction        INTEGER NOT NULL,
    comment_id        TEXT NOT NULL,
    user_id           TEXT,
    username          TEXT,
    timestamp         TEXT,
    like_count        INTEGER,
    parent_comment_id TEXT,
    text              TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS comments_natural_id ON comments (extraction, comment_id);

CREATE TABLE IF NOT EXISTS users (
    place           INTEGER PRIMARY KEY,
    extraction      INTEGER NOT NULL,
    user_id         TEXT NOT NULL,
    username        TEXT,
    full_name       TEXT,
    is_private      INTEGER,
    is_verified     INTEGER,
    profile_pic_url TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS users_natural_id ON users (extraction, user_id);

CREATE TABLE IF NOT EXISTS media (
    place         INTEGER PRIMARY KEY,
    extraction    INTEGER NOT NULL,
    media_id      TEXT NOT NULL,
    shortcode     TEXT,
    permalink     TEXT,
    media_type    TEXT,
    timestamp     TEXT,
    username      TEXT,
    like_count    INTEGER,
    comment_count INTEGER,
    play_count    INTEGER,
    duration      REAL,
    caption       TEXT,
    hashtags      TEXT,
    mentions      TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS media_natural_id ON media (extraction, media_id);
CREATE TABLE IF NOT EXISTS left_out (
    extraction INTEGER NOT NULL REFERENCES extractions ON DELETE CASCADE,
    natural_id TEXT NOT NULL,
    PRIMARY KEY (extraction, natural_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS cursors_seen (
    extraction  INTEGER NOT NULL REFERENCES extractions ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (extraction, fingerprint)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS cache (
    key     TEXT PRIMARY KEY,
    value   BLOB NOT NULL,
    expires REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS limiter_calls (
    key TEXT NOT NULL,
    at  REAL NOT NULL
);

CREATE INDEX IF NOT EXISTS limiter_calls_key_at ON limiter_calls (key, at);

CREATE TABLE IF NOT EXISTS limiter_parks (
    key   TEXT PRIMARY KEY,
    until REAL NOT NULL
) WITHOUT ROWID;
"""

POSTGRESQL = """
CREATE TABLE extractions (
    number          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    extraction_type TEXT NOT NULL,
    open_key        TEXT COLLATE "C" UNIQUE,
    owner           TEXT NOT NULL,
    source          TEXT NOT NULL,
    route           TEXT NOT NULL,
    targets         TEXT NOT NULL,
    options         TEXT NOT NULL,
    progress        TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN
        ('pending', 'running', 'paused', 'csv_pending', 'done', 'failed', 'cancelled')),
    reason          TEXT,
    error           TEXT,
    file            TEXT,
    wish            TEXT CHECK (wish IN ('pause', 'cancel')),
    sequence        BIGINT NOT NULL DEFAULT 0,
    fence           BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    holder          TEXT,
    lease_until     DOUBLE PRECISION,
    outcome         TEXT,
    requested_at    TEXT COLLATE "C" NOT NULL,
    started_at      TEXT,
    finished_at     TEXT
) WITH (fillfactor = 50);

CREATE INDEX extractions_requested_at ON extractions (requested_at);
CREATE TABLE comments (
    place             BIGINT PRIMARY KEY,
    extraction        BIGINT NOT NULL,
    comment_id        TEXT COLLATE "C" NOT NULL,
    user_id           TEXT,
    username          TEXT,
    timestamp         TEXT,
    like_count        BIGINT,
    parent_comment_id TEXT,
    text              TEXT
);

CREATE UNIQUE INDEX comments_natural_id ON comments (extraction, comment_id);

CREATE TABLE users (
    place           BIGINT PRIMARY KEY,
    extraction      BIGINT NOT NULL,
    user_id         TEXT COLLATE "C" NOT NULL,
    username        TEXT,
    full_name       TEXT,
    is_private      BOOLEAN,
    is_verified     BOOLEAN,
    profile_pic_url TEXT
);

CREATE UNIQUE INDEX users_natural_id ON users (extraction, user_id);

CREATE TABLE media (
    place         BIGINT PRIMARY KEY,
    extraction    BIGINT NOT NULL,
    media_id      TEXT COLLATE "C" NOT NULL,
    shortcode     TEXT,
    permalink     TEXT,
    media_type    TEXT,
    timestamp     TEXT,
    username      TEXT,
    like_count    BIGINT,
    comment_count BIGINT,
    play_count    BIGINT,
    duration      DOUBLE PRECISION,
    caption       TEXT,
    hashtags      TEXT,
    mentions      TEXT
);

CREATE UNIQUE INDEX media_natural_id ON media (extraction, media_id);
CREATE TABLE left_out (
    extraction BIGINT NOT NULL REFERENCES extractions ON DELETE CASCADE,
    natural_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (extraction, natural_id)
);

CREATE TABLE cursors_seen (
    extraction  BIGINT NOT NULL REFERENCES extractions ON DELETE CASCADE,
    fingerprint TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (extraction, fingerprint)
);
CREATE UNLOGGED TABLE cache (
    key     TEXT COLLATE "C" PRIMARY KEY,
    value   BYTEA NOT NULL,
    expires DOUBLE PRECISION NOT NULL
);

CREATE INDEX cache_expires ON cache (expires);

CREATE TABLE limiter_calls (
    key TEXT COLLATE "C" NOT NULL,
    at  DOUBLE PRECISION NOT NULL
);

CREATE INDEX limiter_calls_key_at ON limiter_calls (key, at);

CREATE TABLE limiter_parks (
    key   TEXT COLLATE "C" PRIMARY KEY,
    until DOUBLE PRECISION NOT NULL
);
"""


def upgrade() -> None:
    text.run(sqlite=SQLITE, postgresql=POSTGRESQL)
