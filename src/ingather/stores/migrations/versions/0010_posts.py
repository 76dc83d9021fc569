"""The latest posts of accounts; and a name is one account's.

Where a name was kept under several ids, one stays: one whose id somebody gave it goes before one
that is called as its name is, and then whichever was refreshed last. It takes over the days and
the log entries of the others.
"""

from ingather.stores.migrations import text

revision = "0010"
down_revision = "0009"

BOTH = """
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

CREATE TABLE accounts_twice AS SELECT account_id, first_value(account_id) OVER (
    PARTITION BY handle, platform
    ORDER BY CASE WHEN account_id = handle THEN 1 ELSE 0 END, refreshed_at DESC, account_id
) AS kept FROM accounts;
DELETE FROM accounts_twice WHERE account_id = kept;

INSERT INTO account_history (account_id, day, followers, media, engagement)
    SELECT t.kept, h.day, h.followers, h.media, h.engagement
    FROM account_history h JOIN accounts_twice t ON t.account_id = h.account_id WHERE true
    ORDER BY t.account_id
    ON CONFLICT (account_id, day) DO NOTHING;
DELETE FROM account_history WHERE account_id IN (SELECT account_id FROM accounts_twice);
UPDATE data_refresh_log SET account_id = (
    SELECT kept FROM accounts_twice t WHERE t.account_id = data_refresh_log.account_id
) WHERE account_id IN (SELECT account_id FROM accounts_twice);
DELETE FROM accounts WHERE account_id IN (SELECT account_id FROM accounts_twice);
DROP TABLE accounts_twice;

DROP INDEX accounts_by_handle;
CREATE UNIQUE INDEX accounts_by_name ON accounts (handle, platform);
"""


def upgrade() -> None:
    text.run(BOTH)
