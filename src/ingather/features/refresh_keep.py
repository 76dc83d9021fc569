"""How long the log of refreshes, dead letters and the history are kept; what is older goes."""

from msgspec import Struct

from ingather.ports.refresh import Accounts, Events

DAY = 86_400.0
LOG_DAYS = 90


class Keep(Struct, frozen=True):
    """Seconds for which the log and dead letters are kept, and the history; None: for good."""

    log: float = LOG_DAYS * DAY
    history: float | None = None


async def tidy(accounts: Accounts, events: Events, keep: Keep) -> int:
    """Drop what is older; how many. By the store's clock, and any number of processes may do it at
    once. Raises StoreUnavailable."""
    now = await accounts.now()
    before = max(0.0, now - keep.log)
    history = None if keep.history is None else max(0.0, now - keep.history)
    dropped = await accounts.prune(log=before, history=history)
    return dropped + await events.prune(before=before)
