"""The Graph API as a Source of posts and reels: one's own, and those of other professional accounts
through Business Discovery.

Another's posts lie within a field of the asker's own account, and their cursor is spliced into its
expression by hand: there is no `next` (contract of the Graph API, 2.1 and 2.6).
"""

import asyncio
import copy
from collections.abc import Sequence
from typing import Final

from ingather import errors
from ingather.domain import names
from ingather.domain.job import Owner, Target
from ingather.domain.kinds import WITH_INSIGHTS
from ingather.domain.page import Page, Usage
from ingather.domain.records import Media, Profile
from ingather.ports import Clock, Turns
from ingather.providers import graph_errors, graph_media, graph_profile
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_calls import URL, Calls, dead
from ingather.providers.graph_insights import Insights
from ingather.providers.graph_media import Listing
from ingather.providers.http import Answer, Http

KINDS: Final = ("posts", "reels")
POSTS: Final = "media"

_OWN_A_PAGE, _OTHERS_A_PAGE, _MEASURED_A_PAGE = 100, 50, 12
_AT_ONCE = 4
"""Calls for insights that are under way together."""


class GraphMediaSource:
    """ports.Source over the Graph API for `posts` and `reels` of professional accounts.

    token, account_id, url: as of GraphSource. calls: in their place those of another source, with
    what is known of their accounts. path: `media`, or `media+insights`, which asks for the insights
    of one's own posts as well, a call for each. close() closes `http`.
    """

    name = "graph"

    def __init__(
        self,
        http: Http,
        *,
        kind: str,
        calls: Calls | None = None,
        token: str | Sequence[str] = (),
        account_id: str | Sequence[str] | None = None,
        app_secret: str | None = None,
        url: str = URL,
        path: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        if kind not in KINDS:
            raise errors.BadInput(f"The Graph API has no {kind} of accounts.")
        if path not in (None, POSTS, WITH_INSIGHTS):
            raise errors.BadInput(f"{path} is no way to {kind} at the Graph API.")
        self._calls = calls or Calls(
            http, token=token, account_id=account_id, app_secret=app_secret, url=url, clock=clock
        )
        self._reels_alone = kind == "reels"
        self._insights = Insights(self._calls)
        self.route = path or POSTS
        self.limit_key = self._calls.limit_key

    @property
    def usage(self) -> Usage | None:
        """What the last answer said of the limit."""
        return self._calls.usage

    def under(self, turns: Turns) -> "GraphMediaSource":
        """The same source, which asks these before each of its calls."""
        found = copy.copy(self)
        found._calls = self._calls.under(turns)
        found._insights = Insights(found._calls)
        return found

    async def owner(self, target: Target | None = None) -> Owner:
        """The account on whose behalf is read: the target itself, or the first of the pool."""
        own = await self._own(target) if target is not None else None
        if own is not None:
            return await self._calls.owner(own)
        return await self._calls.first_owner()

    async def profile(self, username: str) -> Profile:
        """As GraphSource has it."""
        return await graph_profile.profile(self._calls, username)

    async def resolve(self, post: str) -> Target:
        """The account that somebody's words name.

        Raises UnreadableName; NotReachable where no professional account has the name.
        """
        found = await graph_profile.profile(self._calls, names.username(post))
        return Target(
            id=found.user_id or "",
            username=found.username,
            permalink=f"https://www.instagram.com/{found.username}/",
            # How many of them are reels is not told.
            declared=None if self._reels_alone else found.media_count,
        )

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        """The posts at a cursor, newest first, at most `limit`. Of one's own account the platform
        lists 10,000 at the most."""
        own = await self._own(target)
        if own is None:
            return self._page(await self._of_other(target, cursor, limit))
        measured = self.route == WITH_INSIGHTS
        most = _MEASURED_A_PAGE if measured else _OWN_A_PAGE
        size = min(limit or most, most)
        path = f"{own.account_id}/media"
        answer, fault = await self._calls.get(own, path, graph_media.OWN, size, cursor)
        if fault is not None:
            if dead(fault, cursor):
                raise errors.DeadCursor(restart=None)
            raise graph_errors.meaning(fault, "user/media")
        found = graph_media.own(answer.body, "user/media")
        usage = self._calls.usage
        rows = self._chosen(found.records)
        if measured:
            rows = await self._measured(own, rows)
        return self._page(found, rows, usage)

    def take_units(self) -> int:
        """Nothing is billed here."""
        return 0

    async def close(self) -> None:
        await self._calls.close()

    async def _of_other(self, target: Target, cursor: str | None, limit: int | None) -> Listing:
        name = _name(target)
        size = min(limit or _OTHERS_A_PAGE, _OTHERS_A_PAGE)
        if cursor is not None and not graph_media.is_cursor(cursor):
            raise errors.DeadCursor("This is no cursor of a list of posts; the list starts again.")
        after = f".after({cursor})" if cursor is not None else ""
        fields = graph_profile.expression(
            name, f"id,media{after}.limit({size}){{{graph_media.OTHERS}}}"
        )

        async def ask(account: Account) -> Answer:
            owner = await self._calls.owner(account)
            answer, fault = await self._calls.get(account, owner.instagram_id, fields)
            if fault is None:
                return answer
            if dead(fault, cursor):
                raise errors.DeadCursor(restart=None)
            raise graph_profile.meaning(fault, name)

        answer = await self._calls.by_any(ask)
        return graph_media.others(answer.body, graph_profile.ASKED, sent=cursor)

    async def _measured(self, account: Account, rows: list[Media]) -> list[Media]:
        """The rows with their insights, a few calls at a time; all are through before one of them
        is told to have failed."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(row: Media) -> Media:
            async with turn:
                return await self._insights.of(account, row)

        found = await asyncio.gather(*map(one, rows), return_exceptions=True)
        for each in found:
            if isinstance(each, BaseException):
                raise each
        self._insights.forget()
        return [each for each in found if isinstance(each, Media)]

    def _chosen(self, rows: list[Media]) -> list[Media]:
        return [row for row in rows if row.media_type == "REELS"] if self._reels_alone else rows

    def _page(
        self, found: Listing, rows: list[Media] | None = None, usage: Usage | None = None
    ) -> Page:
        rows = self._chosen(found.records) if rows is None else rows
        return Page(
            rows,
            found.after,
            usage or self._calls.usage,
            found.repaired,
            passed=len(found.records) - len(rows),
        )

    async def _own(self, target: Target | None) -> Account | None:
        """The account of the pool that a target is; None where it is another's."""
        if target is None:
            return None
        return await graph_profile.own(self._calls, lambda owner: owner.instagram_id == target.id)


def _name(target: Target) -> str:
    """The target's username, looked at before it goes into an expression."""
    try:
        return names.username(target.username or "")
    except errors.UnreadableName as found:
        raise errors.Refused(found.message) from None
