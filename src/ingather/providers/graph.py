"""The Graph API as a Source: the comments of one's own posts, and the posts themselves.

The token travels in the Authorization header alone. `paging.next`, which repeats it in clear, is
never followed, kept or logged: every request is rebuilt from `cursors.after`.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote

from ingather import errors
from ingather.domain import posts as naming
from ingather.domain.job import Owner, Target
from ingather.domain.page import Page
from ingather.domain.posts import Post, Reading
from ingather.ports import Clock
from ingather.providers import graph_accounts, graph_cursor, graph_errors, graph_map
from ingather.providers.graph_accounts import Account
from ingather.providers.graph_cursor import Cursor
from ingather.providers.graph_errors import Fault
from ingather.providers.graph_map import Listing
from ingather.providers.http import Answer, Http

URL: Final = "https://graph.facebook.com/v26.0"
COMMENTS_A_PAGE: Final = 50
POSTS_A_PAGE: Final = 100
MOST_POSTS: Final = 10_000
"""Posts the platform lists at the most, the newest first."""

_REPLY = "id,text,timestamp,username,from{id,username},user{id},like_count"
_COMMENT = _REPLY + ",replies{" + _REPLY + "}"
_POST = (
    "id,shortcode,permalink,timestamp,caption,comments_count,is_comment_enabled,media_type,"
    "media_product_type,username"
)

_SMALLEST = 5

Row = TypeVar("Row")


class GraphSource:
    """ports.Source over the Graph API, for one account or a pool of them.

    token, account_id: one, or several that are paired in order; one token may serve several
    accounts; with no account_id the account is found through the person's Facebook Pages. A post
    is read with the first token whose account owns it. close() closes `http`.
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
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._now = clock.now if clock else time.time
        self._app_secret = app_secret
        self._pool = graph_accounts.pool(token, account_id, app_secret)
        self._by_post: dict[str, Account] = {}
        self.limit_key = graph_accounts.limit_key(self._pool)

    async def owner(self, target: Target | None = None) -> Owner:
        """The account that a target is read for; without one, the first of the pool."""
        return await self._owner(await self._account_of(target))

    async def resolve(self, post: str) -> Target:
        """The own post that somebody's words name.

        A media id is read directly; anything else is looked for among the account's posts, for the
        API finds nothing by shortcode. Raises UnreadablePost, UnresolvableShare, NotReachable.
        """
        reading = naming.read(post)
        walked = 0
        for account in self._accounts():
            found, seen = await self._find(account, reading)
            walked += seen
            if found is not None:
                self._by_post[found.id] = account
                return graph_map.target(found)
        among = (
            f" among the {walked} posts that were looked through" if not reading.media_id else ""
        )
        raise errors.NotReachable(
            f"There is no post with {reading.describe()}{among} that this account may read: it is"
            " gone, another account's, or private; the platform gives one answer for all three."
        )

    async def posts(self, limit: int | None = None) -> AsyncIterator[Post]:
        """The own posts of every account in the pool, newest first within each; at most `limit`."""
        left = MOST_POSTS * len(self._pool) if limit is None else limit
        for account in self._accounts():
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
        answer, fault = await self._get(
            account, f"{target.id}/comments", _COMMENT if replies else _REPLY, size, at.after
        )
        if fault is not None:
            if _dead(fault, at.after):
                raise errors.DeadCursor(restart=None)
            raise graph_errors.meaning(fault, "media/comments")
        found = graph_map.comments(answer.body, "media/comments")
        cut = tuple(found.cut) if replies else ()
        return _page(answer, found, Cursor(found.after, cut, last=found.after is None))

    async def close(self) -> None:
        await self._http.close()

    async def _thread(self, account: Account, at: Cursor, size: int) -> Page:
        """The next replies of the first thread in the queue."""
        (thread, after), rest = at.queue[0], at.queue[1:]
        answer, fault = await self._get(account, f"{thread}/replies", _REPLY, size, after)
        if fault is not None:
            if fault.gone:
                usage = graph_errors.usage(answer.headers)
                return Page((), Cursor(at.after, rest, at.last).text(), usage, within=thread)
            if _dead(fault, after):
                again = Cursor(at.after, ((thread, None), *rest), at.last)
                raise errors.DeadCursor(restart=again.text())
            raise graph_errors.meaning(fault, "comment/replies")
        found = graph_map.comments(answer.body, "comment/replies", parent=thread)
        queue = rest if found.after is None else ((thread, found.after), *rest)
        return _page(answer, found, Cursor(at.after, queue, at.last), within=thread)

    async def _find(self, account: Account, reading: Reading) -> tuple[Post | None, int]:
        """The post of that name, and how many posts were looked at."""
        if reading.media_id:
            answer, fault = await self._get(account, reading.media_id, _POST)
            if fault is None:
                return graph_map.post(answer.body, "media"), 1
            if fault.gone:
                return None, 1
            raise graph_errors.meaning(fault, "media")
        seen = 0
        async for post in self._walk_posts(account, most=MOST_POSTS):
            seen += 1
            if reading.shortcode in (post.shortcode, naming.shortcode_in(post.permalink)):
                return post, seen
        return None, seen

    async def _walk_posts(self, account: Account, *, most: int) -> AsyncIterator[Post]:
        owner = await self._owner(account)
        path, left = f"{owner.instagram_id}/media", most
        async for post in self._walk(account, path, _POST, "user/media", graph_map.posts):
            if left <= 0:
                return
            left -= 1
            yield post

    async def _walk(
        self,
        account: Account,
        path: str,
        fields: str,
        asked: str,
        read: Callable[[bytes, str], tuple[list[Row], str | None]],
    ) -> AsyncIterator[Row]:
        """Every row of an edge; smaller pages where the platform asks for them."""
        after: str | None = None
        size, passed = POSTS_A_PAGE, set[str]()
        while True:
            answer, fault = await self._get(account, path, fields, size, after)
            if fault is not None:
                found = graph_errors.meaning(fault, asked)
                if isinstance(found, errors.TooMuchData) and size > _SMALLEST:
                    size //= 2
                    continue
                raise found
            rows, after = read(answer.body, asked)
            for row in rows:
                yield row
            if after is None or after in passed:
                return
            passed.add(after)

    async def _owner(self, account: Account) -> Owner:
        if account.owner is None:
            if account.account_id is None:
                account.account_id = await self._discover(account)
            answer, fault = await self._get(account, account.account_id, "id,username")
            if fault is not None and fault.gone:
                raise errors.NotReachable(
                    f"The token may not read the account {account.account_id}: it is no Instagram"
                    " professional account of the person who logged in."
                )
            if fault is not None:
                raise graph_errors.meaning(fault, "user")
            account.owner = graph_map.owner(answer.body, "user")
        return account.owner

    async def _discover(self, account: Account) -> str:
        """The one Instagram account behind the person's Facebook Pages."""
        found: dict[str, str] = {}
        async for one in self._walk(
            account, "me/accounts", graph_map.LINKED_FIELDS, "me/accounts", graph_map.linked
        ):
            found[one.instagram_id] = one.username or "?"
        if not found:
            raise errors.Refused(
                "This token leads to no Instagram professional account: link the account to a"
                " Facebook Page, and tick that Page when logging in."
            )
        if len(found) > 1:
            names = ", ".join(f"{number} (@{name})" for number, name in found.items())
            raise errors.Refused(
                f"This token leads to several Instagram accounts: {names}. Set"
                " INSTAGRAM_BUSINESS_ACCOUNT_ID to the one that is meant."
            )
        return next(iter(found))

    async def _account_of(self, target: Target | None) -> Account:
        """The account that reads a post; after a restart it is known by the post's username."""
        pool = self._accounts()
        if target is None or len(pool) == 1:
            return pool[0]
        if target.id not in self._by_post:
            self._by_post[target.id] = pool[0]
            for account in pool:
                if target.username == (await self._owner(account)).username:
                    self._by_post[target.id] = account
                    break
        return self._by_post[target.id]

    def _accounts(self) -> list[Account]:
        if not self._pool:
            raise errors.NoToken()
        return self._pool

    async def _get(
        self,
        account: Account,
        path: str,
        fields: str,
        limit: int | None = None,
        after: str | None = None,
    ) -> tuple[Answer, Fault | None]:
        query = f"?fields={_encoded(fields)}{account.proof}"
        if limit is not None:
            query += f"&limit={limit}"
        if after is not None:
            query += f"&after={quote(after, safe='')}"
        answer = await self._http.get(f"{self._url}/{path}{query}", headers=account.headers)
        secrets = (*account.secrets, self._app_secret or "")
        return answer, graph_errors.find(
            answer.status, answer.headers, answer.body, now=self._now(), secrets=secrets
        )


@lru_cache(maxsize=16)
def _encoded(fields: str) -> str:
    return quote(fields, safe=",")


def _dead(fault: Fault, after: str | None) -> bool:
    """Whether a refusal can be about the cursor: parameters are refused, and there was one."""
    return after is not None and fault.code == 100 and not fault.gone and not fault.passing


def _page(answer: Answer, found: Listing, then: Cursor, within: str | None = None) -> Page:
    usage = graph_errors.usage(answer.headers)
    return Page(found.records, then.text(), usage, found.repaired, within)
