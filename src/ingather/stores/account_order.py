"""Which of the stale accounts come first; the same in every store."""

from collections.abc import Sequence
from typing import Final

from ingather.domain.refresh import Account, seconds

LOOKED_AT: Final = 20
"""Times as many accounts as are wanted are looked at, the stalest: the larger ones are found among
them without an index of both."""

_DAY = 86_400.0


def first(accounts: Sequence[Account], limit: int) -> list[Account]:
    """Staler days first, and within a day the larger accounts."""
    return sorted(accounts, key=_place)[:limit]


def _place(account: Account) -> tuple[int, int, str]:
    last = seconds(account.last_data_refresh) or 0.0
    return int(last // _DAY), -(account.follower_count or 0), account.account_id
