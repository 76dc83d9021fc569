"""Days of the history that are too old are found by their date."""

from ingather.stores.migrations import text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    text.run("CREATE INDEX account_history_by_day ON account_history (day)")
