"""One account made fresh: asked for, merged, written with its posts and its log, then the cache.

The order is the promise (issue of the refresh, 2): truth first, log with it, cache after; whoever
calls commits the event's offset last. Killed anywhere and called again, it comes to the same.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
from msgspec import Struct

from ingather import errors, points
from ingather.domain import refresh, refresh_more
from ingather.domain.instants import iso
from ingather.domain.records import Profile
from ingather.domain.refresh import Account, Event, LogEntry, Origin, Outcome, Refreshed
from ingather.domain.refresh_posts import Post
from ingather.features.refresh_more import Extras, More
from ingather.features.refresh_sources import Sources
from ingather.features.together import Together
from ingather.ports import Cache, Clock
from ingather.ports.refresh import Accounts

CACHE_KEY = "instagram:profile:{}"


class Done(Struct, frozen=True, kw_only=True):
    """What became of an account. outcome: of the refresh, or `skipped` (another platform) or
    `already` (its week's work was done). before, after: None where it did not come to that.
    posts: the latest, None where they were not told. missing: as of a log entry."""

    outcome: str
    source: str | None = None
    changed: tuple[str, ...] = ()
    before: Account | None = None
    after: Account | None = None
    posts: tuple[Post, ...] | None = None
    missing: tuple[str, ...] = ()
    error: errors.IngatherError | None = None


class Refresher:
    """Refreshes accounts, many at once; their reads and writes go to the store together."""

    def __init__(
        self, accounts: Accounts, sources: Sources, extras: Extras, cache: Cache, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._sources = sources
        self._extras = extras
        self._cache = cache
        self._clock = clock
        self._busy: dict[str, tuple[asyncio.Lock, int]] = {}
        self._load = Together(self._load_all)
        self._save = Together(self._save_all)

    async def handle(self, event: Event, origin: Origin, *, attempt: int = 1) -> Done:
        """One event, all the way but for its offset.

        Raises AccountNotFound, StoreError, and NotTold and Wait of `refresh_sources`.
        """
        if not event.ours:
            return Done(outcome="skipped")
        async with self._alone(event.account_id):
            return await self._handle(event, origin, attempt)

    async def _handle(self, event: Event, origin: Origin, attempt: int) -> Done:
        account = await self._load(event.account_id)
        if account is None:
            raise errors.AccountNotFound(f"There is no account {event.account_id[:80]!r}.")
        if refresh.is_fresh(account, event):
            return await self._mended(account, origin, attempt)
        when = event.scheduled_at if event.again else refresh.week(event.scheduled_at)
        key = f"{account.account_id}:{when}"
        return await self._refresh(account, key, origin, attempt)

    async def now(self, account: Account) -> Done:
        """An account at once, whatever its age; its log entry is one of its own."""
        return await self._refresh(account, f"{account.account_id}:{uuid4().hex}", None, 1)

    async def give_up(
        self, event: Event, origin: Origin, failure: errors.IngatherError, *, attempt: int
    ) -> None:
        """Write to the log that an event's account could not be refreshed."""
        await self._fail(event.account_id, failure, origin, attempt, duration=0.0)

    async def _refresh(
        self,
        account: Account,
        key: str,
        origin: Origin | None,
        attempt: int,
        *,
        changed_before: tuple[str, ...] = (),
    ) -> Done:
        begun = self._clock.monotonic()
        at = iso(await self._accounts.now())

        def accept(profile: Profile, source: str) -> tuple[Profile, Account, list[str]]:
            return profile, *refresh.merge(account, profile, source=source, at=at)

        try:
            (profile, after, changed), source = await self._sources.tell(account.handle, accept)
        except (errors.NotReachable, errors.Implausible, errors.UnreadableName) as failure:
            took = self._clock.monotonic() - begun
            await self._fail(account.account_id, failure, origin, attempt, duration=took)
            return Done(outcome="failed", before=account, error=failure)
        more = await self._extras.of(profile, source)
        posts = _posts(more, source, at)
        if posts is not None:
            after, names = refresh_more.with_posts(after, posts, source=source, at=at)
            changed += names
        if more.insights:
            after, names = refresh_more.with_insights(after, more.insights, source=source, at=at)
            changed += names
        fields = tuple(dict.fromkeys((*changed_before, *changed)))
        outcome: Outcome = "refreshed" if fields else "unchanged"
        entry = LogEntry(
            id=key,
            account_id=account.account_id,
            outcome=outcome,
            source=source,
            duration_ms=round((self._clock.monotonic() - begun) * 1000),
            fields_changed=fields,
            attempt=attempt,
            event=origin,
            at=at,
            missing=more.missing,
        )
        assert after.instagram_data is not None
        after.instagram_data["refresh"] = msgspec.to_builtins(entry)
        await self._save(Refreshed(account=after, entry=entry, posts=posts or ()))
        points.reach("committed")
        await self._renew_cache(after)
        return Done(
            outcome=outcome,
            source=source,
            changed=fields,
            before=account,
            after=after,
            posts=posts,
            missing=more.missing,
        )

    async def _fail(
        self,
        account_id: str,
        failure: errors.IngatherError,
        origin: Origin | None,
        attempt: int,
        *,
        duration: float,
    ) -> None:
        where = f"{origin.topic}:{origin.partition}:{origin.offset}" if origin else uuid4().hex
        entry = LogEntry(
            id=f"{account_id}:{where}:{attempt}",
            account_id=account_id,
            outcome="failed",
            duration_ms=round(duration * 1000),
            error=str(failure),
            code=failure.code,
            attempt=attempt,
            event=origin,
            at=iso(await self._accounts.now()),
        )
        await self._save(Refreshed(account=None, entry=entry))

    async def _mended(self, account: Account, origin: Origin, attempt: int) -> Done:
        """A refresh that was done before, in full: account, posts and log are not everywhere
        written in one transaction, and a process may have been killed between them. Nobody is
        asked again unless it is for posts that were lost."""
        lost = refresh_more.last_entry(account)
        if lost is None or await self._accounts.logged(lost.id):
            return Done(outcome="already", after=account)
        told = refresh_more.latest(account)
        kept = await self._accounts.posts(account.account_id, limit=len(told)) if told else ()
        if told <= {each.key for each in kept if each.at == account.last_data_refresh}:
            await self._save(Refreshed(account=account, entry=lost))
            return Done(outcome="already", after=account)
        changed = lost.fields_changed
        done = await self._refresh(account, lost.id, origin, attempt, changed_before=changed)
        if done.outcome == "failed":
            await self._save(Refreshed(account=account, entry=lost))
        return done

    async def _renew_cache(self, account: Account) -> None:
        """The cached profile, where there is one. Losing it costs a call, never the refresh."""
        if account.instagram_id is None:
            return
        value = msgspec.json.encode(refresh_more.cached(account))
        try:
            await self._cache.renew(CACHE_KEY.format(account.instagram_id), value)
        except errors.StoreError:
            return

    @asynccontextmanager
    async def _alone(self, account_id: str) -> AsyncIterator[None]:
        """An account's events one after the other: the second finds what the first has done."""
        lock, waiting = self._busy.get(account_id, (asyncio.Lock(), 0))
        self._busy[account_id] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._busy[account_id]
            if waiting == 1:
                del self._busy[account_id]
            else:
                self._busy[account_id] = lock, waiting - 1

    async def _load_all(self, ids: Sequence[str]) -> list[Account | None]:
        found = await self._accounts.load(list(dict.fromkeys(ids)))
        return [found.get(each) for each in ids]

    async def _save_all(self, done: Sequence[Refreshed]) -> list[None]:
        await self._accounts.save(done)
        return [None] * len(done)


def _posts(more: More, source: str, at: str) -> tuple[Post, ...] | None:
    if more.posts is None:
        return None
    return tuple(
        Post(
            media=each,
            source=source,
            at=at,
            insights_at=at if each.media_id in more.measured else None,
        )
        for each in more.posts
    )
