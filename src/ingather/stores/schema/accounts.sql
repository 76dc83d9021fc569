-- Accounts that are kept fresh, the log of their refreshes, their numbers day by day, and
-- their latest posts.
-- Times are epoch seconds on this database's clock; refreshed_at is 0 before the first refresh.
CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    handle TEXT NOT NULL,
    name TEXT,
    description TEXT,
    image_url TEXT,
    follower_count BIGINT,
    instagram_data TEXT,
    last_data_refresh TEXT,
    refreshed_at DOUBLE PRECISION NOT NULL DEFAULT 0,
    not_before DOUBLE PRECISION NOT NULL DEFAULT 0
);
CREATE INDEX accounts_by_age ON accounts (refreshed_at);
CREATE UNIQUE INDEX accounts_by_name ON accounts (handle, platform);

CREATE TABLE data_refresh_log (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    at TEXT NOT NULL,
    entry TEXT NOT NULL
);
CREATE INDEX data_refresh_log_by_account ON data_refresh_log (account_id, at);
CREATE INDEX data_refresh_log_by_time ON data_refresh_log (at);

CREATE TABLE account_history (
    account_id TEXT NOT NULL,
    day TEXT NOT NULL,
    followers BIGINT,
    media BIGINT,
    engagement DOUBLE PRECISION,
    PRIMARY KEY (account_id, day)
);
CREATE INDEX account_history_by_day ON account_history (day);

-- The latest posts of each; post: the shortcode. posted_at: empty where it is not known. media: what
-- anybody is told; insights: what its owner alone is told, which stays where it is not asked for.
CREATE TABLE account_posts (
    account_id TEXT NOT NULL,
    post TEXT NOT NULL,
    posted_at TEXT NOT NULL,
    media TEXT NOT NULL,
    source TEXT NOT NULL,
    at TEXT NOT NULL,
    insights TEXT,
    insights_at TEXT,
    PRIMARY KEY (account_id, post)
);

-- Events of the refresh where there is no Kafka, and those that could not be processed.
CREATE TABLE refresh_queue (
    id TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    queued_at DOUBLE PRECISION NOT NULL,
    not_before DOUBLE PRECISION NOT NULL DEFAULT 0,
    takes BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX refresh_queue_by_time ON refresh_queue (not_before, queued_at);

CREATE TABLE refresh_dead (
    id TEXT PRIMARY KEY,
    letter TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX refresh_dead_by_time ON refresh_dead (at);
