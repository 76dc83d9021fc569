-- Giveaways, kept for good. `record` is the GiveawayRecord of data-models.md; the columns beside it
-- are what lists ask for. created_at is ISO 8601 UTC in one form, so that text sorts as time does.
CREATE TABLE IF NOT EXISTS giveaways (
    giveaway_id TEXT PRIMARY KEY,
    profile_id  TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    record      TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS giveaways_profile ON giveaways (profile_id, created_at);

CREATE TABLE IF NOT EXISTS giveaway_posts (
    media_id    TEXT NOT NULL,
    giveaway_id TEXT NOT NULL,
    PRIMARY KEY (media_id, giveaway_id)
);

-- The log of commitments of this installation: one row for each, numbered from 1 without holes,
-- each naming the one before it. No statement of ours deletes a row, or writes to the first
-- columns again; those after `sealed` say what became of the draw. sealed: the master secret and
-- the admitted comments, encrypted, base64.
CREATE TABLE IF NOT EXISTS giveaway_draws (
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

-- What was done to each giveaway, by whom and when; rows are only ever added.
CREATE TABLE IF NOT EXISTS giveaway_audit (
    giveaway_id TEXT NOT NULL,
    number      BIGINT NOT NULL,
    at          TEXT NOT NULL,
    who         TEXT NOT NULL,
    action      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    PRIMARY KEY (giveaway_id, number)
);
