"""What is asked for beside a profile, where it is wanted: latest posts that did not come with it,
and the insights of one's own accounts.

Each has a limit of its own beside the refresh's, so that it never takes a refresh's place; where
that is reached, or the source will not tell, the refresh goes on without and its log says what is
missing.
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from ingather import errors
from ingather.domain.records import Media, Profile
from ingather.engine.quota import Gate
from ingather.ports import Clock, Limiter, Take, Turns
from ingather.ports.refresh import Insider, Lister, Watcher

HOUR = 3_600.0
_A_WHILE = 60.0
_A_SECOND = 5
"""Of the fifteen calls a second that HikerAPI allows, ten of which are for profiles."""


class Wanted(Struct, frozen=True, kw_only=True):
    """posts: latest ones of each account, 0 for none. of_account, of_posts: whose insights are
    wanted, of one's own accounts."""

    posts: int = 0
    of_account: bool = False
    of_posts: bool = False


class More(Struct, frozen=True, kw_only=True):
    """What was told. posts: None where they were not. insights: empty where there are none.
    measured: ids of the posts whose insights were told. missing: as of a log entry."""

    posts: tuple[Media, ...] | None = None
    insights: dict[str, int] = {}
    measured: frozenset[str | None] = frozenset()
    missing: tuple[str, ...] = ()


class Share(Turns):
    """A limit beside the refresh's, for each token; so many calls in any window of
    seconds."""

    def __init__(self, limiter: Limiter, name: str, *, calls: int, window: float = HOUR) -> None:
        self._limiter = limiter
        self._name = name
        self._calls = calls
        self._window = window

    async def take(self, keys: Sequence[str]) -> str:
        """As Turns has it; raises Throttled at once where no token has room, or each is parked."""
        waits = []
        for key in keys:
            wait = await self._limiter.parked(key)
            if wait <= 0:
                take = Take(f"{key}:{self._name}", self._calls, self._window)
                wait = await self._limiter.reserve(take)
            if wait <= 0:
                return key
            waits.append(wait)
        raise OwnLimit(wait=min(waits))


class OwnLimit(errors.Throttled):
    """The limit that is set for this is reached."""


class Extras:
    """Asks for what is wanted. listers: the sources that tell posts by a call of their own, which
    are asked where a profile came from them. insiders: under a Share."""

    def __init__(
        self,
        wanted: Wanted,
        *,
        listers: Sequence[Lister] = (),
        insiders: Sequence[Insider] = (),
        limiter: Limiter,
        clock: Clock,
        watcher: Watcher,
    ) -> None:
        self._wanted = wanted
        self._listers = {each.name: each for each in listers}
        self._insiders = insiders
        self._limiter = limiter
        self._clock = clock
        self._watcher = watcher

    async def of(self, profile: Profile, source: str) -> More:
        """What there is beside a profile that a source has told. Raises no SourceError."""
        missing: list[str] = []
        posts = profile.posts
        if posts is None and self._wanted.posts:
            posts = await self._posts(profile, source, missing)
        insights: dict[str, int] = {}
        measured: set[str | None] = set()
        if source == "graph" and (insider := await self._insider(profile, missing)) is not None:
            assert profile.user_id is not None
            if self._wanted.of_account:
                insights = await self._insights(insider, profile.user_id, missing)
            if self._wanted.of_posts and posts:
                posts = await self._measure(insider, profile.user_id, posts, measured, missing)
            await Gate(self._limiter, self._clock).learn(insider.limit_key, insider.usage)
        return More(
            posts=posts, insights=insights, measured=frozenset(measured), missing=tuple(missing)
        )

    async def _posts(
        self, profile: Profile, source: str, missing: list[str]
    ) -> tuple[Media, ...] | None:
        lister = self._listers.get(source)
        if lister is None:
            if source == "graph":  # a page shows none, and of HikerAPI they were not wanted
                missing.append("posts: not_told")
            return None
        found: list[tuple[Media, ...]] = []

        async def ask() -> None:
            await self._pace(lister)
            found.append(await lister.latest(profile, limit=self._wanted.posts))

        await self._try(lister, "posts", ask, missing)
        return found[0] if found else None

    async def _pace(self, lister: Lister) -> None:
        """Wait for room in this second: its profiles have the rest of what the service allows."""
        key = f"{lister.limit_key}:media"
        while wait := await self._limiter.reserve(Take(key, _A_SECOND, 1.0)):
            await self._clock.sleep(wait)

    async def _insider(self, profile: Profile, missing: list[str]) -> Insider | None:
        """Whose own account it is; None where it is nobody's of ours. One token a time is asked
        whose it is."""
        if profile.user_id is None or not (self._wanted.of_account or self._wanted.of_posts):
            return None
        unknown = None
        for each in self._insiders:
            owns = each.owns(profile.user_id)
            if owns:
                return each
            if owns is None and unknown is None:
                unknown = each
        if unknown is None or not await self._try(unknown, "insights", unknown.learn, missing):
            return None
        return unknown if unknown.owns(profile.user_id) else None

    async def _insights(
        self, insider: Insider, account_id: str, missing: list[str]
    ) -> dict[str, int]:
        found: dict[str, int] = {}

        async def ask() -> None:
            found.update(await insider.insights(account_id))

        await self._try(insider, "insights", ask, missing)
        return found

    async def _measure(
        self,
        insider: Insider,
        account_id: str,
        posts: Sequence[Media],
        measured: set[str | None],
        missing: list[str],
    ) -> tuple[Media, ...]:
        """The posts, the newest first with their insights, as far as the limit goes."""
        found = list(posts)
        for place, post in enumerate(posts):

            async def ask(place: int = place, post: Media = post) -> None:
                found[place] = await insider.measured(account_id, post)
                if found[place] is not post:
                    measured.add(post.media_id)

            if not await self._try(insider, "insights of posts", ask, missing):
                break
        return tuple(found)

    async def _try(
        self,
        source: Insider | Lister,
        what: str,
        ask: Callable[[], Awaitable[None]],
        missing: list[str],
    ) -> bool:
        """Ask; whether it was told. What is in the way is put down as missing, never raised."""
        try:
            await ask()
        except errors.SourceError as failure:
            if isinstance(failure, errors.Throttled) and not isinstance(failure, OwnLimit):
                await self._limiter.park(source.limit_key, failure.wait or _A_WHILE)
            self._watcher.called(f"{source.name} {what}", failure.code)
            missing.append(f"{what}: {failure.code}")
            return False
        self._watcher.called(f"{source.name} {what}", "ok")
        return True
