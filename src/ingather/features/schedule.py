"""Publishes events for the accounts that are due: the stalest and largest first, evenly.

An account is claimed before its event is published and marked after: a scheduler that dies between
the two loses nothing, for the claim ends, and a second scheduler beside it is given other accounts.
The queue in the store then has the event once; in Kafka it may lie twice, and finds its account
fresh the second time.
"""

from msgspec import Struct

from ingather.domain.instants import iso
from ingather.domain.refresh import Event
from ingather.ports.refresh import Accounts, Events

BATCH, MOST_BATCHES = 50, 50
WEEK = 7 * 86_400.0
_CLAIM = 300.0
_HOUR = 3_600.0


class Plan(Struct, frozen=True):
    """window: seconds after which an account is due again. most: events of one run, which is an
    hour's share of the limit, so that runs at every hour use it evenly."""

    window: float = WEEK
    most: int = BATCH * MOST_BATCHES


async def publish(accounts: Accounts, events: Events, plan: Plan) -> int:
    """Publish what is due, in batches; how many events.

    Their scheduledAt lies spread over the hour that begins now. Raises StoreUnavailable with what
    was published so far published.
    """
    begun = await accounts.now()
    total = min(plan.most, BATCH * MOST_BATCHES)
    published = 0
    while published < total:
        claimed = await accounts.claim(
            stale=begun - plan.window,
            until=await accounts.now() + _CLAIM,
            limit=min(BATCH, total - published),
        )
        if not claimed:
            break
        await events.publish(
            [
                Event(
                    each.account_id, each.platform, iso(begun + (published + place) * _HOUR / total)
                )
                for place, each in enumerate(claimed)
            ]
        )
        ids = [each.account_id for each in claimed]
        await accounts.scheduled(ids, until=begun + plan.window)
        published += len(claimed)
    return published
