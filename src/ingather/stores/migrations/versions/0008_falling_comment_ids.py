"""The index of comments by id falls, as their ids do when they come newest first."""

from ingather.stores.migrations import text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    text.run("""
DROP INDEX comments_natural_id;
CREATE UNIQUE INDEX comments_natural_id ON comments (extraction, comment_id DESC);
""")
