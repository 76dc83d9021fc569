"""The Graph API as a Source: the comments of one's own posts, and the posts themselves."""

import copy
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from ingather import errors
from ingather.domain import names
from ingather.domain import posts as naming
from ingather.domain.job import Owner, Target
from ingather.domain.page import Page, Usage
from ingather.domain.posts import Post, Reading
from ingather.domain.records import Profile
from ingather.ports import Cache, Clock, Turns
from ingather.providers import graph_cursor, graph_errors, graph_map, graph_profile
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_calls import URL, Calls, dead
from ingather.providers.graph_cursor import Cursor
from ingather.providers.graph_map import Listing
from ingather.providers.http import Answer, Http

COMMENTS_A_PAGE: Final = 50
MOST_POSTS: Final = 10_000
"""Posts the platform lists at the most, the newest first."""
KNOWN_FOR: Final = 30 * 86_400.0
"""Seconds for which a shortcode's media id is remembered: it never changes, but posts go."""
_TOO_MANY: Final = 100
"""Once so many profiles could not come with posts the fault is not theirs: none is asked for."""

_REPLY = "id,text,timestamp,username,from{id,username},user{id},like_count"
_COMMENT = _REPLY + ",replies{" + _REPLY + "}"
_POST = (
    "id,shortcode,permalink,timestamp,caption,comments_count,is_comment_enabled,media_type,"
    "media_product_type,username"
)


class GraphSource:
    """ports.Source over the Graph API, for one account or a pool of them.

    token, account_id: one, or several that are paired in order; one token may serve several
    accounts; with no account_id the account is found through the person's Facebook Pages. A post
    is read with the first token whose account owns it. cache: where the ids of posts are kept that
    were looked for by shortcode. posts: so many of an account's latest posts come with its profile,
    in the same call. close() closes `http`.
    """

    name = "graph"
    route = "media/comments"

    def __init__(
        self,
        http: Http,
        *,
        token: str | Sequence[str],
        account_id: str | Sequence[str] | None = None,
        app_secret: str | None = None,
        url: str = URL,
        clock: Clock | None = None,
        cache: Cache | None = None,
        posts: int = 0,
    ) -> None:
        self._cache = cache
        self._posts = posts
        self._too_much: set[str] = set()
        self._calls = Calls(
            http, token=token, account_id=account_id, app_secret=app_secret, url=url, clock=clock
        )
        self._by_post: dict[str, Account] = {}
        self.limit_key = self._calls.limit_key

    @property
    def calls(self) -> Calls:
        """The way to the platform with these accounts, for others who ask it."""
        return self._calls

    @property
    def usage(self) -> Usage | None:
        """What the last answer said of the limit."""
        return self._calls.usage

    def under(self, turns: Turns) -> "GraphSource":
        """The same source, which asks these before each of its calls; it knows the same posts."""
        found = copy.copy(self)
        found._calls = self._calls.under(turns)
        return found

    async def owner(self, target: Target | None = None) -> Owner:
        """The account that a target is read for; without one, the first of the pool."""
        if target is None:
            return await self._calls.first_owner()
        return await self._calls.owner(await self._account_of(target))

    async def profile(self, username: str) -> Profile:
        """What the platform tells of a professional account now: of one's own directly, of others
        through Business Discovery.

        Raises UnreadableName for what is no username, NotReachable where there is no professional
        account of that name: unknown, personal, private and deactivated ones answer alike. Raises
        TooMuchData where its posts cannot come with it: asked again, it comes without them.
        """
        name = names.username(username)
        wanted = name not in self._too_much and len(self._too_much) < _TOO_MANY
        try:
            return await graph_profile.profile(self._calls, name, posts=self._posts * wanted)
        except errors.TooMuchData:
            self._too_much.add(name)
            raise

    async def resolve(self, post: str) -> Target:
        """The own post that somebody's words name.

        A media id is read directly; anything else is looked for among the account's posts, for the
        API finds nothing by shortcode: one found so before is read directly. Raises
        UnreadablePost, UnresolvableShare, NotReachable.
        """
        reading = naming.read(post)
        if (known := await self._recalled(reading)) is not None:
            return graph_map.target(known)
        walked = 0
        looked = self._calls.of_each(lambda account: self._find(account, reading))
        async for account, (found, seen) in looked:
            walked += seen
            if found is not None:
                self._by_post[found.id] = account
                await self._remember(reading, found)
                return graph_map.target(found)
        among = (
            f" among the {walked} posts that were looked through" if not reading.media_id else ""
        )
        raise errors.NotReachable(
            f"There is no post with {reading.describe()}{among} that this account may read: it is"
            " gone, another account's, or private; the platform gives one answer for all three.",
            hint="`ingather posts` lists those that it may read.",
        )

    async def posts(self, limit: int | None = None) -> AsyncIterator[Post]:
        """The own posts of every account in the pool, newest first within each; at most `limit`."""
        left = MOST_POSTS * len(self._calls.accounts) if limit is None else limit
        for account in self._calls.accounts:
            async for post in self._walk_posts(account, most=left):
                left -= 1
                yield post
            if left <= 0:
                return

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        """The comments at a cursor, replies right after their thread's first comment.

        Threads that were cut short are read to their end before the next page of comments; one
        deleted meanwhile is left out with an empty page. A cursor the platform has forgotten is
        DeadCursor, whose `restart` begins the list it belongs to anew.
        """
        account = await self._account_of(target)
        at = graph_cursor.read(cursor)
        size = min(limit or COMMENTS_A_PAGE, COMMENTS_A_PAGE)
        if at.queue:
            return await self._thread(account, at, size)
        answer, fault = await self._calls.get(
            account, f"{target.id}/comments", _COMMENT if replies else _REPLY, size, at.after
        )
        if fault is not None:
            if dead(fault, at.after):
                raise errors.DeadCursor(restart=None)
            raise graph_errors.meaning(fault, "media/comments")
        if (after := graph_map.foretold(answer.body)) is not None:
            await self._calls.heard(cursor, Cursor(after).text())
        found = graph_map.comments(answer.body, "media/comments")
        cut = tuple(found.cut) if replies else ()
        return _page(answer, found, Cursor(found.after, cut, last=found.after is None))

    def take_units(self) -> int:
        """Nothing is billed here."""
        return 0

    async def close(self) -> None:
        await self._calls.close()

    async def _thread(self, account: Account, at: Cursor, size: int) -> Page:
        """The next replies of the first thread in the queue."""
        (thread, after), rest = at.queue[0], at.queue[1:]
        answer, fault = await self._calls.get(account, f"{thread}/replies", _REPLY, size, after)
        if fault is not None:
            if fault.gone:
                usage = graph_errors.usage(answer.headers)
                return Page((), Cursor(at.after, rest, at.last).text(), usage, within=thread)
            if dead(fault, after):
                again = Cursor(at.after, ((thread, None), *rest), at.last)
                raise errors.DeadCursor(restart=again.text())
            raise graph_errors.meaning(fault, "comment/replies")
        found = graph_map.comments(answer.body, "comment/replies", parent=thread)
        queue = rest if found.after is None else ((thread, found.after), *rest)
        return _page(answer, found, Cursor(at.after, queue, at.last), within=thread)

    async def _find(self, account: Account, reading: Reading) -> tuple[Post | None, int]:
        """The post of that name, and how many posts were looked at."""
        if reading.media_id:
            return await self._read(account, reading.media_id), 1
        seen = 0
        async for post in self._walk_posts(account, most=MOST_POSTS):
            seen += 1
            if _named(post, reading):
                return post, seen
        return None, seen

    async def _read(self, account: Account, media_id: str) -> Post | None:
        """The post of that id; None where this account may not read it."""
        answer, fault = await self._calls.get(account, media_id, _POST)
        if fault is None:
            return graph_map.post(answer.body, "media")
        if fault.gone:
            return None
        raise graph_errors.meaning(fault, "media")

    async def _recalled(self, reading: Reading) -> Post | None:
        """The post that this shortcode led to before, if it still does."""
        if self._cache is None or reading.media_id:
            return None
        key, media_id = self._key(reading), None
        with suppress(errors.StoreError):  # what is not remembered is looked for
            media_id = await self._cache.get(key)
        if media_id is None:
            return None
        known = media_id.decode()
        async for account, found in self._calls.of_each(lambda one: self._read(one, known)):
            if found is not None and _named(found, reading):
                self._by_post[found.id] = account
                return found
        return None

    async def _remember(self, reading: Reading, found: Post) -> None:
        if self._cache is not None and not reading.media_id:
            with suppress(errors.StoreError):
                await self._cache.put(self._key(reading), found.id.encode(), ttl=KNOWN_FOR)

    def _key(self, reading: Reading) -> str:
        return f"graph:post:{self.limit_key}:{reading.shortcode}"

    async def _walk_posts(self, account: Account, *, most: int) -> AsyncIterator[Post]:
        owner = await self._calls.owner(account)
        path, left = f"{owner.instagram_id}/media", most
        async for post in self._calls.walk(account, path, _POST, "user/media", graph_map.posts):
            if left <= 0:
                return
            left -= 1
            yield post

    async def _account_of(self, target: Target) -> Account:
        """The account that reads a post; after a restart it is known by the post's username."""
        pool = self._calls.accounts
        if len(pool) == 1:
            return pool[0]
        if target.id not in self._by_post:
            whose = await graph_profile.own(
                self._calls, lambda owner: owner.username == target.username
            )
            self._by_post[target.id] = whose or pool[0]
        return self._by_post[target.id]


def _named(post: Post, reading: Reading) -> bool:
    """Whether a post bears the shortcode that is looked for."""
    return reading.shortcode in (post.shortcode, naming.shortcode_in(post.permalink))


def _page(answer: Answer, found: Listing, then: Cursor, within: str | None = None) -> Page:
    usage = graph_errors.usage(answer.headers)
    return Page(found.records, then.text(), usage, found.repaired, within)
