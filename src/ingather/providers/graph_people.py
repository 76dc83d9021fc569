"""Pure: the accounts that the Graph API sends, as `Owner`, `Linked` or `Profile`."""

from msgspec import Struct

from ingather import errors
from ingather.domain.job import Owner
from ingather.domain.records import Profile
from ingather.providers import graph_wire as wire
from ingather.providers.graph_map import after, known, repaired


class Linked(Struct, frozen=True, kw_only=True):
    """An Instagram account, and the Facebook Page that leads to it.

    tasks: what the person may do with the Page (MANAGE, MODERATE, ...).
    """

    instagram_id: str
    username: str | None
    page_id: str
    page: str | None
    tasks: tuple[str, ...] = ()


LINKED_FIELDS = "id,name,tasks,instagram_business_account{id,username}"


def owner(body: bytes, endpoint: str) -> Owner:
    """An account, read by its id."""
    found, _ = wire.decode(wire.USER, body, endpoint)
    if not found.username:
        raise errors.SchemaDrift(endpoint, "username")
    return Owner(instagram_id=known(found.id, endpoint, "id"), username=repaired(found.username))


def profile(body: bytes, endpoint: str) -> Profile:
    """One's own account, read by its id."""
    found, _ = wire.decode(wire.PROFILE, body, endpoint)
    return _profile(found, endpoint)


def discovered_profile(body: bytes, endpoint: str) -> Profile:
    """Another's account, as Business Discovery shows it."""
    found, _ = wire.decode(wire.DISCOVERY, body, endpoint)
    return _profile(found.business_discovery, endpoint)


def _profile(found: wire.Profile, endpoint: str) -> Profile:
    """Whether an account is private, verified, and of which category, this API does not tell; that
    it is professional follows from its being there. What is empty is left out of the answer."""

    def fix(text: str | None) -> str | None:
        return repaired(text) if text else None

    if not found.username:
        raise errors.SchemaDrift(endpoint, "username")
    return Profile(
        user_id=known(found.id, endpoint, "id"),
        username=repaired(found.username),
        full_name=fix(found.name),
        biography=fix(found.biography),
        website=fix(found.website),
        profile_pic_url=fix(found.profile_picture_url),
        followers_count=found.followers_count,
        follows_count=found.follows_count,
        media_count=found.media_count,
        is_professional=True,
    )


def linked(body: bytes, endpoint: str) -> tuple[list[Linked], str | None]:
    """The Instagram accounts in a page of /me/accounts, and the cursor of the next."""
    page, _ = wire.decode(wire.ACCOUNTS, body, endpoint)
    found = [
        Linked(
            instagram_id=known(one.id, endpoint, "instagram_business_account.id"),
            username=one.username and repaired(one.username),
            page_id=known(node.id, endpoint, "id"),
            page=node.name and repaired(node.name),
            tasks=tuple(node.tasks or ()),
        )
        for node in page.data
        if (one := node.instagram_business_account) is not None
    ]
    return found, after(page.paging, endpoint)
