-- One row per reel of an analysis, the profile repeated; until there are reels, one row without a
-- reel holds the profile. Columns, defaults and indexes are those of seeds/reel-analysis.md. What
-- they have no room for (hidden likes, reach, flags) rests with the job's records in `media`.
CREATE TABLE IF NOT EXISTS instagram_data (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,
    analysis_id             TEXT NOT NULL,
    instagram_user_id       TEXT NOT NULL,
    analysis_status         TEXT DEFAULT 'pending',
    analysis_progress       INTEGER DEFAULT 0,
    analysis_error          TEXT,
    profile_username        TEXT,
    profile_follower_count  INTEGER DEFAULT 0,
    profile_following_count INTEGER DEFAULT 0,
    profile_media_count     INTEGER DEFAULT 0,
    profile_is_private      BOOLEAN DEFAULT 0,
    profile_pic_url         TEXT,
    reel_id                 TEXT,
    reel_shortcode          TEXT,
    reel_url                TEXT,
    reel_thumbnail_url      TEXT,
    reel_caption            TEXT,
    reel_likes              INTEGER DEFAULT 0,
    reel_comments           INTEGER DEFAULT 0,
    reel_views              INTEGER DEFAULT 0,
    reel_date_posted        TEXT,
    reel_duration           INTEGER DEFAULT 0,
    reel_is_video           BOOLEAN DEFAULT 1,
    reel_hashtags           TEXT,
    reel_mentions           TEXT,
    created_at              DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at              DATETIME DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS idx_analysis_id ON instagram_data (analysis_id);
CREATE INDEX IF NOT EXISTS idx_instagram_user_id ON instagram_data (instagram_user_id);
CREATE INDEX IF NOT EXISTS idx_analysis_status ON instagram_data (analysis_status);
CREATE INDEX IF NOT EXISTS idx_reel_id ON instagram_data (reel_id);
CREATE INDEX IF NOT EXISTS idx_created_at ON instagram_data (created_at);
CREATE INDEX IF NOT EXISTS idx_composite_analysis_user
    ON instagram_data (analysis_id, instagram_user_id);

-- One index more than the seed's: no reel twice in an analysis, and one row of the profile alone.
CREATE UNIQUE INDEX IF NOT EXISTS idx_analysis_reel
    ON instagram_data (analysis_id, COALESCE(reel_id, ''));

-- Who told each of a reel's numbers, where there is one: the analysis's own source, or the one that
-- filled its gaps. Views are besides counted in different ways; media.more says in which.
CREATE TABLE IF NOT EXISTS reel_origins (
    analysis_id   TEXT NOT NULL,
    reel_id       TEXT NOT NULL,
    likes_from    TEXT,
    comments_from TEXT,
    views_from    TEXT,
    duration_from TEXT,
    PRIMARY KEY (analysis_id, reel_id)
);

-- How far an analysis is, for who watches it; the job itself is the truth.
CREATE TABLE IF NOT EXISTS analyses (
    analysis_id TEXT PRIMARY KEY,
    profile     TEXT,
    progress    INTEGER NOT NULL DEFAULT 0,
    message     TEXT,
    remaining   REAL,
    reels       INTEGER NOT NULL DEFAULT 0,
    updated_at  TIMESTAMP NOT NULL,
    -- What a second source has added, and what that has cost, as JSON; NULL where none was asked.
    filled      TEXT
);
