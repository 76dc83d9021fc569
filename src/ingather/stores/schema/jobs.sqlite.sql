-- Where jobs rest on a laptop. One row of `extractions` is one job; a comment export is the
-- extraction_type 'comments'. Times the program computes with are epoch seconds of this database's
-- own clock; times for people are ISO 8601 UTC text.

CREATE TABLE IF NOT EXISTS extractions (
    number          INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    extraction_type TEXT NOT NULL,
    -- What makes two runs the same job, while this one is the job to go on with.
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
    finished_at     TEXT,
    tenant          TEXT NOT NULL DEFAULT 'local',
    priority        INTEGER NOT NULL DEFAULT 0,
    -- From when on any worker may take it up; null: it is left to whoever began it.
    due             REAL
);

CREATE INDEX IF NOT EXISTS extractions_requested_at ON extractions (requested_at, id);
CREATE INDEX IF NOT EXISTS extractions_of_tenant ON extractions (tenant, requested_at, id);

-- The queue: what may be taken up now, in the order in which that is done; and what may be later,
-- because it was given back until then or is held.
CREATE INDEX IF NOT EXISTS extractions_waiting ON extractions
    (json_extract(options, '$.sandbox'), source, tenant, priority DESC, requested_at, number)
    WHERE due = 0 AND lease_until IS NULL;
CREATE INDEX IF NOT EXISTS extractions_later ON extractions (max(due, coalesce(lease_until, 0)))
    WHERE due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL);

-- The number of each tenant's last turn: a job of whose turn is longest ago is taken up next.
CREATE TABLE IF NOT EXISTS turns (
    tenant TEXT PRIMARY KEY,
    turn   INTEGER NOT NULL
) WITHOUT ROWID;

-- Records: place = extraction * 2^32 + n, where n counts a job's rows from 0 in arrival order
-- without holes: an offset is found at once, and one tree holds the rows in the order in which
-- they are read. The first column after `extraction` is the natural id: where a source gives no
-- id, a name after an @, or ~ and a digest. No foreign key leads from a record to its job: checking
-- one costs a tenth of a page's commit, and `SqlStore.delete` is the only place that deletes.
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

-- Falling, because comments come newest first, and ids rise with time: what is appended to an index
-- costs half of what is put in front.
CREATE UNIQUE INDEX IF NOT EXISTS comments_natural_id ON comments (extraction, comment_id DESC);

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
    mentions      TEXT,
    -- What few sources tell, as a JSON object of the record's other fields; NULL where nothing is.
    more          TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS media_natural_id ON media (extraction, media_id);

-- Ids that a filter left out: they count as known.
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
