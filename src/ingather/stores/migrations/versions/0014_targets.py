"""Targets of a job rest in rows of their own, and the job's row has only how many have ended."""

from ingather.stores.migrations import text

revision = "0014"
down_revision = "0013"

SQLITE = """
CREATE TABLE targets (
    extraction INTEGER NOT NULL REFERENCES extractions ON DELETE CASCADE,
    n          INTEGER NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (extraction, n)
) WITHOUT ROWID;
INSERT INTO targets SELECT number, each.key, each.value FROM extractions
JOIN json_each(
    CASE WHEN NOT json_valid(targets) THEN '[]'
    WHEN json_type(targets) <> 'array' THEN '[]'
    WHEN EXISTS (SELECT 1 FROM json_each(targets) WHERE type <> 'object') THEN '[]'
    ELSE targets END
) AS each;
ALTER TABLE extractions RENAME COLUMN targets TO overview;
UPDATE extractions SET overview = json_object(
    'count', (SELECT max(1, count(*)) FROM targets WHERE extraction = number),
    'ended', json((
        SELECT json_group_object(ended, times) FROM (
            SELECT json_extract(state, '$.ended') AS ended, count(*) AS times FROM targets
            WHERE extraction = number AND json_extract(state, '$.ended') IS NOT NULL GROUP BY 1
        )
    )),
    'passes', (SELECT coalesce(max(json_extract(state, '$.passes')), 1)
        FROM targets WHERE extraction = number)
)
"""
"""A job whose targets cannot be read has none then, of at least one: it is damaged as well."""

POSTGRESQL = """
CREATE TABLE targets (
    extraction BIGINT NOT NULL REFERENCES extractions ON DELETE CASCADE,
    n          BIGINT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (extraction, n)
) WITH (fillfactor = 50);
CREATE FUNCTION pg_temp.readable(targets text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (
        SELECT 1 FROM json_array_elements(targets::json) AS each (state)
        WHERE json_typeof(state) <> 'object'
    ) THEN RETURN '[]'; END IF; RETURN targets::json; EXCEPTION
    WHEN data_exception THEN RETURN '[]'; END $$;
INSERT INTO targets SELECT number, each.place - 1, each.state::text
FROM extractions, json_array_elements(pg_temp.readable(targets))
WITH ORDINALITY AS each (state, place);
DROP FUNCTION pg_temp.readable;
ALTER TABLE extractions RENAME COLUMN targets TO overview;
UPDATE extractions SET overview = json_build_object(
    'count', (SELECT greatest(1, count(*)) FROM targets WHERE extraction = number),
    'ended', (
        SELECT coalesce(json_object_agg(ended, times), '{}') FROM (
            SELECT state::json ->> 'ended' AS ended, count(*) AS times FROM targets
            WHERE extraction = number AND state::json ->> 'ended' IS NOT NULL GROUP BY 1
        ) AS found
    ),
    'passes', (SELECT coalesce(max((state::json ->> 'passes')::bigint), 1)
        FROM targets WHERE extraction = number)
)
"""


def upgrade() -> None:
    text.run(sqlite=SQLITE, postgresql=POSTGRESQL)
