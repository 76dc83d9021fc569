-- The HTTP door: its keys, the answers that an Idempotency-Key gives again, and the webhooks.

CREATE TABLE IF NOT EXISTS api_keys (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    -- Whose jobs it reads and makes: the tenant.
    owner      TEXT NOT NULL,
    -- SHA-256 of the key; the key itself is shown once and kept nowhere.
    digest     TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    used_at    TEXT,
    revoked_at TEXT
);

CREATE TABLE IF NOT EXISTS api_answers (
    owner  TEXT NOT NULL,
    name   TEXT NOT NULL,
    -- SHA-256 of the request, so that another request under the same name is told apart.
    digest TEXT NOT NULL,
    begun  DOUBLE PRECISION NOT NULL,
    status INTEGER,
    answer TEXT,
    PRIMARY KEY (owner, name)
);

CREATE INDEX IF NOT EXISTS api_answers_begun ON api_answers (begun);

CREATE TABLE IF NOT EXISTS webhooks (
    id         TEXT PRIMARY KEY,
    job        TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    url        TEXT NOT NULL,
    -- Encrypted with INGATHER_SECRET_KEY, as base64.
    secret     TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    due        DOUBLE PRECISION NOT NULL,
    status     INTEGER,
    error      TEXT,
    created_at TEXT NOT NULL,
    ended_at   TEXT
);

CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (state, due);
