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
    -- How many targets there are, and how many have ended, how.
    overview        TEXT NOT NULL,
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

-- How far each target of a job has been read, as JSON; n counts them from 0 in the order asked for.
CREATE TABLE IF NOT EXISTS targets (
    extraction INTEGER NOT NULL REFERENCES extractions ON DELETE CASCADE,
    n          INTEGER NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (extraction, n)
) WITHOUT ROWID;

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

-- Comments and accounts, as many as came at once: a JSON array of what each says.
-- place = extraction * 2^32 + n, where n counts a job's records from 0 in arrival order without
-- holes, and is that of the array's first: an offset is found at once, and one tree holds the
-- records in the order in which they are read. No foreign key leads from here to the job: checking one costs a tenth of a page's commit,
-- and `SqlStore.delete` is the only place that deletes.
CREATE TABLE IF NOT EXISTS pages (
    place   INTEGER PRIMARY KEY,
    records TEXT NOT NULL
);

-- These one by one, for people: SELECT record ->> 'username' FROM records WHERE job = '...'.
CREATE VIEW IF NOT EXISTS records AS
SELECT extractions.id AS job, pages.place % 4294967296 + rows.key AS position, rows.value AS record
FROM extractions
JOIN pages ON pages.place >= extractions.number * 4294967296
    AND pages.place < (extractions.number + 1) * 4294967296
JOIN json_each(pages.records) AS rows;

-- Posts have a row each, at a place of their own, for analyses read some of their columns.
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

-- Natural ids that a job has kept, or that a filter left out: none of them is kept again. A number
-- of up to 18 digits rests as a number, others as text: where a source gives no id, a name after an
-- @, or ~ and a digest. Falling, because comments come newest first, and ids rise with time.
CREATE TABLE IF NOT EXISTS known_ids (
    extraction INTEGER NOT NULL,
    id         NOT NULL,
    PRIMARY KEY (extraction, id DESC)
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
