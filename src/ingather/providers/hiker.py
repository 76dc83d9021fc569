"""HikerAPI as a Source: lists of accounts, posts and comments, for units of money.

The key travels in the header `x-access-key` alone. A cursor is the service's own text, whole;
that of comments stands on two levels, as the Graph API's does.
"""

import contextlib
import copy
import hashlib
import re
import time
from functools import partial
from typing import Final
from urllib.parse import quote

from ingather import __version__, errors
from ingather.domain import names
from ingather.domain.job import Owner, Target
from ingather.domain.page import Page, Usage
from ingather.domain.records import Comment, Media, Profile
from ingather.ports import Clock, Turns
from ingather.providers import graph_cursor, hiker_errors, hiker_map, hiker_media, hiker_routes
from ingather.providers.graph_cursor import Cursor
from ingather.providers.hiker_errors import Fault
from ingather.providers.hiker_map import AnyListing, Listing
from ingather.providers.hiker_wire import Balance
from ingather.providers.http import Answer, Http

URL: Final = "https://api.hikerapi.com"

_REPLIES = "v2/media/comments/replies"
_BY_NAME = "v1/user/by/username"
_NUMBER = re.compile(r"[0-9]{1,25}")
_COMMENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OWNER = Owner("hikerapi", "hikerapi")
_NOTHING: Final = Listing[Comment]([])
_DECLARED = {"followers": "followers", "following": "following", "posts": "posts"}


class HikerSource:
    """ports.Source over HikerAPI, for one kind of collection.

    kind: followers, following, likers, comments or commenters, posts, reels, hashtag-clips.
    path: the way that a job keeps, None for the usual one. Whatever is billed, refusals included,
    is told in `units` of the next page, or by `take_units`. close() closes `http`.
    """

    name = "hiker"

    usage: Usage | None = None
    """HikerAPI says nothing of its limit."""

    def __init__(
        self,
        http: Http,
        key: str,
        *,
        kind: str,
        url: str = URL,
        path: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        key = key.strip()
        if not (key.isascii() and (key.isprintable() or not key)) or " " in key:
            raise errors.BadSetting("A HikerAPI key has a character that no key has.")
        self._http = http
        self._key = key
        self._headers = {
            "x-access-key": key,
            "User-Agent": f"ingather/{__version__}",  # without one, the gate before it says 403
            "Accept": "application/json",
        }
        self._url = url.rstrip("/")
        self._now = clock.now if clock else time.time
        self._kind = kind
        self._route = hiker_routes.find(kind, path)
        self._rate: float | None = None
        self._owed = 0
        self._turns: Turns | None = None
        self.route = self._route.path
        self.limit_key = hashlib.sha256(f"hiker\n{key}".encode()).hexdigest()[:16]

    def under(self, turns: Turns) -> "HikerSource":
        """The same source, which asks these before each call that costs something."""
        found = copy.copy(self)
        found._turns = turns
        return found

    async def owner(self, target: Target | None = None) -> Owner:
        """The service itself: it reads what everybody may, on nobody's behalf."""
        return _OWNER

    async def balance(self) -> Balance:
        """Units left, calls a second, and money; asking is free."""
        answer, fault = await self._get("sys/balance", {}, billed=False)
        if fault is not None:
            raise hiker_errors.meaning(fault, "sys/balance", "the balance")
        found = hiker_map.balance(answer.body, "sys/balance")
        self._rate = found.rate
        return found

    async def profile(self, username: str) -> Profile:
        """What the service tells of an account now, a private one included; costs a unit.

        Raises UnreadableName for what is no username, NotReachable where nobody has that name.
        """
        name = names.username(username)
        return hiker_map.profile((await self._by_name(name)).body, _BY_NAME)

    async def latest(self, profile: Profile, *, limit: int) -> tuple[Media, ...]:
        """The newest posts of an account whose profile was told here; costs a unit."""
        target = Target(id=profile.user_id or "", username=profile.username)
        answer = await self._list(target, self._subject(target), None)
        if answer is None:
            return ()
        found = hiker_media.medias(
            answer.body, self._route.path, self._route.shape, None, clips=self._kind == "reels"
        )
        return tuple(found.records[:limit])

    async def resolve(self, post: str) -> Target:
        """The account, post or hashtag that somebody's words name.

        An account costs a call; a post's number is worked out here, and a hashtag is looked at.
        Raises UnreadableName, UnreadablePost, UnresolvableShare; NotReachable for an account that
        is gone or private.
        """
        if self._route.subject == "post":
            return hiker_routes.post(post)
        if self._route.subject == "hashtag":
            tag = names.hashtag(post)
            address = f"https://www.instagram.com/explore/tags/{quote(tag)}/"
            return Target(id=tag, permalink=address)
        return await self._account(names.username(post))

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        """The records at a cursor; how many come at a time is the service's choice, so `limit`
        is not heeded.

        The replies of comments follow the page of comments that they belong to; a thread deleted
        meanwhile is left out with an empty page.
        """
        route, subject = self._route, self._subject(target)
        if route.gives == "comments":
            at = graph_cursor.read(cursor)
            if at.queue:
                return await self._thread(target, subject, at)
            return await self._comments(target, subject, at, replies=replies)
        answer = await self._list(target, subject, cursor)
        if answer is None:
            return self._page(_NOTHING, None)
        if route.gives == "users":
            users = hiker_map.users(answer.body, route.path, route.shape, cursor)
            return self._page(users, users.after)
        medias = hiker_media.medias(
            answer.body, route.path, route.shape, cursor, clips=route.gives == "clips"
        )
        return self._page(medias, medias.after)

    def take_units(self) -> int:
        """Units billed since the last page, or since this was last asked."""
        units, self._owed = self._owed, 0
        return units

    async def close(self) -> None:
        await self._http.close()

    async def _by_name(self, username: str) -> Answer:
        answer, fault = await self._get(_BY_NAME, {"username": username})
        if fault is None:
            return answer
        if fault.empty:
            raise errors.NotReachable(f"@{username} cannot be read: no account has this name.")
        raise await self._meaning(fault, _BY_NAME, f"@{username}")

    async def _account(self, username: str) -> Target:
        answer = await self._by_name(username)
        found = hiker_map.account(answer.body, _BY_NAME)
        if found.user.is_private:
            raise errors.NotReachable(f"@{username} cannot be read: the account is private.")
        told = _DECLARED.get(self._kind)
        return Target(
            id=found.user.user_id or "",
            username=found.user.username,
            permalink=f"https://www.instagram.com/{found.user.username}/",
            declared=getattr(found, told) if told else None,
        )

    async def _comments(self, target: Target, subject: str, at: Cursor, *, replies: bool) -> Page:
        answer = await self._list(target, subject, at.after)
        if answer is None:
            return self._page(_NOTHING, None)
        found = hiker_map.comments(
            answer.body, self._route.path, self._route.shape, at.after, replies=replies
        )
        then = Cursor(found.after, found.cut, last=found.after is None)
        return self._page(found, then.text())

    async def _thread(self, target: Target, media: str, at: Cursor) -> Page:
        """The next replies of the first thread in the queue."""
        (thread, after), rest = at.queue[0], at.queue[1:]
        if not _COMMENT_ID.fullmatch(thread):
            raise errors.DeadCursor("This is no cursor of HikerAPI; the list starts again.")
        params = {"media_id": media, "comment_id": thread, "safe_int": "true"}
        if after is not None:
            params["min_id"] = after
        answer, fault = await self._get(_REPLIES, params)
        left = Cursor(at.after, rest, at.last)
        if fault is not None:
            meant = await self._meaning(fault, _REPLIES, self._told(target), sent=after)
            if fault.empty or isinstance(meant, errors.NotReachable):
                return self._page(_NOTHING, left.text(), thread)
            if isinstance(meant, errors.DeadCursor):
                meant.restart = Cursor(at.after, ((thread, None), *rest), at.last).text()
            raise meant
        found = hiker_map.replies(answer.body, _REPLIES, parent=thread, sent=after)
        queue = rest if found.after is None else ((thread, found.after), *rest)
        return self._page(found, Cursor(at.after, queue, at.last).text(), thread)

    async def _list(self, target: Target, subject: str, cursor: str | None) -> Answer | None:
        """A page of the list; None where the service says that there are no entries."""
        route = self._route
        params = {route.target: subject, **dict(route.more)}
        if cursor is not None and route.cursor is not None:
            params[route.cursor] = cursor
        answer, fault = await self._get(route.path, params)
        if fault is None:
            return answer
        if fault.empty:
            return None
        raise await self._meaning(fault, route.path, self._told(target), sent=cursor)

    async def _get(
        self, path: str, params: dict[str, str], *, billed: bool = True
    ) -> tuple[Answer, Fault | None]:
        if not self._key:
            raise errors.NoToken("There is no key for HikerAPI: set HIKERAPI_KEY.")
        again = None
        if billed and self._turns is not None:
            again = partial(self._turns.take, (self.limit_key,))
            await again()
        answer = await self._http.get(
            f"{self._url}/{path}", params=params, headers=self._headers, again=again
        )
        if billed:
            self._owed += hiker_errors.units(answer.status, answer.headers, answer.body)
        secrets = (self._key, quote(self._key, safe=""))
        return answer, hiker_errors.find(
            answer.status, answer.headers, answer.body, now=self._now(), secrets=secrets
        )

    async def _meaning(
        self, fault: Fault, asked: str, what: str, *, sent: str | None = None
    ) -> errors.SourceError:
        """The error to raise for a refusal; sent: the cursor. At the first that says "too fast",
        the account is asked how fast is allowed; that costs nothing."""
        if sent is not None and hiker_errors.unfit(fault):
            return errors.DeadCursor()
        if fault.status == 429 and self._rate is None:
            self._rate = 0.0  # asked for once, whatever comes of it
            with contextlib.suppress(errors.SourceError):
                await self.balance()
        return hiker_errors.meaning(fault, asked, what, rate=self._rate)

    def _page(self, found: AnyListing, after: str | None, within: str | None = None) -> Page:
        return Page(found.records, after, None, found.repaired, within, self.take_units())

    def _subject(self, target: Target) -> str:
        """The target's id, looked at before it goes into an address."""
        if self._route.subject == "hashtag":
            try:
                return names.hashtag(target.id)
            except errors.UnreadableName as found:
                raise errors.Refused(found.message) from None
        if not _NUMBER.fullmatch(target.id):
            raise errors.Refused("The target's id is no number, as HikerAPI's ids are.")
        return target.id

    def _told(self, target: Target) -> str:
        """What a message calls the target."""
        if self._route.subject == "hashtag":
            return f"#{target.id}"
        if self._route.subject == "post":
            return f"the post {target.shortcode or target.id}"
        return f"@{target.username}" if target.username else f"the account {target.id}"
