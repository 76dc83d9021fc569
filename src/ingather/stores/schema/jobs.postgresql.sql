-- Where jobs rest on a server: the tables of jobs.sqlite.sql, in PostgreSQL's types. Times the
-- program computes with are epoch seconds of this database's own clock. Ids are compared byte by
-- byte ("C"), whatever the language of the database.

CREATE TABLE IF NOT EXISTS extractions (
    number          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    extraction_type TEXT NOT NULL,
    -- What makes two runs the same job, while this one is the job to go on with.
    open_key        TEXT COLLATE "C" UNIQUE,
    owner           TEXT NOT NULL,
    source          TEXT NOT NULL,
    route           TEXT NOT NULL,
    -- How many targets there are, and how many have ended, how.
    overview        TEXT NOT NULL,
    options         TEXT NOT NULL,
    progress        TEXT NOT NULL,
    -- The words are those of jobs.sqlite.sql. Not checked here: PostgreSQL reads such a rule anew for
    -- every statement that writes the row.
    status          TEXT NOT NULL,
    reason          TEXT,
    error           TEXT,
    file            TEXT,
    wish            TEXT,
    sequence        BIGINT NOT NULL DEFAULT 0,
    fence           BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    holder          TEXT,
    lease_until     DOUBLE PRECISION,
    outcome         TEXT,
    requested_at    TEXT COLLATE "C" NOT NULL,
    started_at      TEXT,
    finished_at     TEXT,
    tenant          TEXT COLLATE "C" NOT NULL DEFAULT 'local',
    priority        BIGINT NOT NULL DEFAULT 0,
    -- From when on any worker may take it up; null: it is left to whoever began it.
    due             DOUBLE PRECISION
) WITH (fillfactor = 50);

CREATE INDEX IF NOT EXISTS extractions_requested_at ON extractions (requested_at, id);
CREATE INDEX IF NOT EXISTS extractions_of_tenant ON extractions (tenant, requested_at, id);

-- How far each target of a job has been read, as JSON; n counts them from 0 in the order asked for.
CREATE TABLE IF NOT EXISTS targets (
    extraction BIGINT NOT NULL REFERENCES extractions ON DELETE CASCADE,
    n          BIGINT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (extraction, n)
) WITH (fillfactor = 50);

-- The queue: what may be taken up now, in the order in which that is done; and what may be later,
-- because it was given back until then or is held.
CREATE INDEX IF NOT EXISTS extractions_waiting ON extractions
    ((CASE WHEN options LIKE '%"sandbox":true%' THEN 1 ELSE 0 END),
     source, tenant, priority DESC, requested_at, number)
    WHERE due = 0 AND lease_until IS NULL;
CREATE INDEX IF NOT EXISTS extractions_later ON extractions (greatest(due, lease_until))
    WHERE due IS NOT NULL AND (due > 0 OR lease_until IS NOT NULL);

-- When each tenant had its last turn, in microseconds: a job of whose turn is longest ago is taken
-- up next.
CREATE TABLE IF NOT EXISTS turns (
    tenant TEXT COLLATE "C" PRIMARY KEY,
    turn   BIGINT NOT NULL
);

-- Records: place = extraction * 2^32 + n, where n counts a job's rows from 0 in arrival order
-- without holes: an offset is found at once. The first column after `extraction` is the natural id:
-- where a source gives no id, a name after an @, or ~ and a digest. No foreign key leads from what
-- pages bring to its job, for each row would be checked: `PgStore.delete` is the only place that
-- deletes.
CREATE TABLE IF NOT EXISTS comments (
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

-- Falling, because comments come newest first, and ids rise with time.
CREATE UNIQUE INDEX IF NOT EXISTS comments_natural_id ON comments (extraction, comment_id DESC);

CREATE TABLE IF NOT EXISTS users (
    place           BIGINT PRIMARY KEY,
    extraction      BIGINT NOT NULL,
    user_id         TEXT COLLATE "C" NOT NULL,
    username        TEXT,
    full_name       TEXT,
    is_private      BOOLEAN,
    is_verified     BOOLEAN,
    profile_pic_url TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS users_natural_id ON users (extraction, user_id);

CREATE TABLE IF NOT EXISTS media (
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
    mentions      TEXT,
    -- What few sources tell, as a JSON object of the record's other fields; NULL where nothing is.
    more          TEXT
);

CREATE UNIQUE INDEX IF NOT EXISTS media_natural_id ON media (extraction, media_id);

-- Ids that a filter left out: they count as known.
CREATE TABLE IF NOT EXISTS left_out (
    extraction BIGINT NOT NULL,
    natural_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (extraction, natural_id)
);

CREATE TABLE IF NOT EXISTS cursors_seen (
    extraction  BIGINT NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (extraction, fingerprint)
);

-- What may be lost is not written twice.
CREATE UNLOGGED TABLE IF NOT EXISTS cache (
    key     TEXT COLLATE "C" PRIMARY KEY,
    value   BYTEA NOT NULL,
    expires DOUBLE PRECISION NOT NULL
);

CREATE INDEX IF NOT EXISTS cache_expires ON cache (expires);

CREATE TABLE IF NOT EXISTS limiter_calls (
    key TEXT COLLATE "C" NOT NULL,
    at  DOUBLE PRECISION NOT NULL
);

CREATE INDEX IF NOT EXISTS limiter_calls_key_at ON limiter_calls (key, at);

CREATE TABLE IF NOT EXISTS limiter_parks (
    key   TEXT COLLATE "C" PRIMARY KEY,
    until DOUBLE PRECISION NOT NULL
);
