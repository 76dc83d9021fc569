"""An account's profile by the Graph API: one's own directly, others' through Business Discovery.

Business Discovery is a field of the asker's own account, and the other's name is spliced into its
expression: a name is looked at by its form before it gets there (contract of the Graph API, 2.6).
"""

from collections.abc import Callable
from typing import Final

from ingather import errors
from ingather.domain import names
from ingather.domain.job import Owner
from ingather.domain.records import Profile
from ingather.providers import graph_errors, graph_people
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_calls import Calls
from ingather.providers.graph_errors import Fault
from ingather.providers.http import Answer

FIELDS: Final = (
    "id,username,name,biography,website,profile_picture_url,followers_count,follows_count,"
    "media_count"
)
ASKED: Final = "business_discovery"


async def profile(calls: Calls, username: str) -> Profile:
    """What the platform tells of a professional account now.

    Raises UnreadableName; NotReachable where no professional account has the name.
    """
    name = names.username(username)
    account = await own(calls, lambda owner: owner.username.lower() == name)
    if account is not None:
        owner = await calls.owner(account)
        answer, fault = await calls.get(account, owner.instagram_id, FIELDS)
        if fault is not None:
            raise graph_errors.meaning(fault, "user")
        return graph_people.profile(answer.body, "user")

    async def ask(account: Account) -> Answer:
        owner = await calls.owner(account)
        answer, fault = await calls.get(account, owner.instagram_id, expression(name, FIELDS))
        if fault is not None:
            raise meaning(fault, name)
        return answer

    return graph_people.discovered_profile((await calls.by_any(ask)).body, ASKED)


async def own(calls: Calls, meant: Callable[[Owner], bool]) -> Account | None:
    """The account of the pool that is meant; None where it is somebody else's, or of a token that
    is dead, while another is alive."""
    alive = False
    try:
        async for account, owner in calls.of_each(calls.owner):
            alive = True
            if meant(owner):
                return account
    except errors.NeedsLogin:
        if not alive:
            raise
    return None


def expression(name: str, inner: str) -> str:
    """The field that asks for another's account. name: as `names.username` gives it."""
    return f"{ASKED}.username({name}){{{inner}}}"


def meaning(fault: Fault, name: str) -> errors.SourceError:
    """The error to raise for a refusal of Business Discovery."""
    if fault.code == 110 or fault.subcode == 2207013:
        return errors.NotReachable(
            f"@{name} cannot be read through Business Discovery: no business or creator account"
            " has this name. The platform gives one answer for names that nobody has and for"
            " personal, private and deactivated accounts, so it does not tell which this is.",
        )
    return graph_errors.meaning(fault, ASKED)
