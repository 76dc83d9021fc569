"""What few sources tell of a post has a place."""

from ingather.stores.migrations import text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    text.run("ALTER TABLE media ADD COLUMN more TEXT")
