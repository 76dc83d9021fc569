"""An account's profile by the Graph API: one's own directly, others' through Business Discovery.

Business Discovery is a field of the asker's own account, and the other's name is spliced into its
expression: a name is looked at by its form before it gets there (contract of the Graph API, 2.6).
"""

from collections.abc import Callable
from typing import Final

from msgspec import structs

from ingather import errors
from ingather.domain import names
from ingather.domain.job import Owner
from ingather.domain.records import Media, Profile
from ingather.providers import graph_errors, graph_media, graph_people
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_calls import Calls
from ingather.providers.graph_errors import Fault
from ingather.providers.http import Answer

FIELDS: Final = (
    "id,username,name,biography,website,profile_picture_url,followers_count,follows_count,"
    "media_count"
)
ASKED: Final = "business_discovery"


async def profile(calls: Calls, username: str, *, posts: int = 0) -> Profile:
    """What the platform tells of a professional account now, with so many of its latest posts in
    the same call.

    Raises UnreadableName; NotReachable where no professional account has the name.
    """
    name = names.username(username)
    account = await own(calls, lambda owner: owner.username.lower() == name)
    if account is not None:
        owner = await calls.owner(account)
        fields = FIELDS + _posts(posts, graph_media.OWN)
        answer, fault = await calls.get(account, owner.instagram_id, fields)
        if fault is not None:
            raise _meaning(fault, "user", posts)
        found = graph_people.profile(answer.body, "user")
        return _with(found, graph_media.own_latest, answer.body, "user") if posts else found
    fields = expression(name, FIELDS + _posts(posts, graph_media.OTHERS))

    async def ask(account: Account) -> Answer:
        owner = await calls.owner(account)
        answer, fault = await calls.get(account, owner.instagram_id, fields)
        if fault is not None:
            raise meaning(fault, name) if _nobody(fault) else _meaning(fault, ASKED, posts)
        return answer

    answer = await calls.by_any(ask)
    found = graph_people.discovered_profile(answer.body, ASKED)
    return _with(found, graph_media.others_latest, answer.body, ASKED) if posts else found


def _nobody(fault: Fault) -> bool:
    return fault.code == 110 or fault.subcode == 2207013


def _meaning(fault: Fault, asked: str, posts: int) -> errors.SourceError:
    """A refusal of a parameter, where posts were asked for, may be for one of their fields."""
    if posts and fault.code == 100 and not fault.gone:
        return errors.TooMuchData("The platform refuses the posts that were asked for.")
    return graph_errors.meaning(fault, asked)


def _posts(count: int, fields: str) -> str:
    return f",media.limit({count}){{{fields}}}" if count else ""


def _with(
    found: Profile, read: Callable[[bytes, str], list[Media]], body: bytes, asked: str
) -> Profile:
    """The profile with its posts. Where these have a shape that nobody knows, or are none though
    some are counted, they are not told; the profile is."""
    try:
        posts = tuple(read(body, asked))
    except errors.SchemaDrift:
        return found
    if not posts and found.media_count != 0:
        return found
    return structs.replace(found, posts=posts)


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
    if _nobody(fault):
        return errors.NotReachable(
            f"@{name} cannot be read through Business Discovery: no business or creator account"
            " has this name. The platform gives one answer for names that nobody has and for"
            " personal, private and deactivated accounts, so it does not tell which this is.",
        )
    return graph_errors.meaning(fault, ASKED)
