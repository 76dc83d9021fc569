"""A source of reels whose gaps a second one fills: of lengths Business Discovery says nothing.

Both list an account's reels newest first, and a reel is known in both by its shortcode, for their
ids differ. The second list is read only as far as gaps reach, and never for more than so many
units: it costs money. Whatever goes wrong with it leaves gaps and the reason, no failed analysis.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from ingather import errors
from ingather.domain import merging
from ingather.domain.job import Owner, Target
from ingather.domain.merging import Filled
from ingather.domain.page import Page
from ingather.domain.records import Media, Profile, Record
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.stop import Stopped
from ingather.ports import Turns

MOST_UNITS = 200
"""Units that filling one analysis may cost."""
PATIENCE = Policy(deadline=20.0, longest_park=60.0)
"""Filling is a help: it is given up long before the work itself would be."""
_MOST_PAGES = 12
"""Of the second list, for one page of the first."""
_SHELF = 1_000
"""Reels of the second list that wait for the first to come to them."""


class _At(Struct, frozen=True, array_like=True):
    """A cursor of both lists. id: of the account at the second source. after: of the last page that
    was read of it, which is read again by whoever goes on."""

    first: str | None
    id: str | None = None
    after: str | None = None


class Filling:
    """The first source, filled from the second.

    second: makes what asks it. so_far: what earlier runs of the job were told and paid. tell: hears
    of every change of that.
    """

    def __init__(
        self,
        first: Any,
        second: Callable[[], Fetcher],
        *,
        so_far: Filled,
        tell: Callable[[Filled], None],
    ) -> None:
        self._first = first
        self._make = second
        self._second: Fetcher | None = None
        self._filled = structs.replace(so_far, stopped=None)
        self._tell = tell
        self._target: Target | None = None
        self._after: str | None = None
        self._next: str | None = None
        self._over = False
        self._shelf: dict[str, Media] = {}
        self._asked: tuple[str | None, Page] | None = None
        self.name, self.route, self.limit_key = first.name, first.route, first.limit_key

    def under(self, turns: Turns) -> "Filling":
        """The same: calls of the second source have turns of their own."""
        self._first = self._first.under(turns)
        return self

    async def owner(self, target: Target | None = None) -> Owner:
        owner: Owner = await self._first.owner(target)
        return owner

    async def profile(self, username: str) -> Profile:
        profile: Profile = await self._first.profile(username)
        return profile

    async def resolve(self, post: str) -> Target:
        target: Target = await self._first.resolve(post)
        return target

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        """A page of the first list, with its gaps filled."""
        at = _read(cursor)
        if self._target is None and at.id is not None:
            self._target = Target(id=at.id, username=target.username)
            self._next = at.after
        if self._asked is None or self._asked[0] != at.first:
            try:
                page = await self._first.fetch(target, at.first, replies=replies, limit=limit)
            except errors.DeadCursor as dead:
                again = None if dead.restart is None else _text(_At(dead.restart))
                raise errors.DeadCursor(dead.message, restart=again) from None
            self._asked = (at.first, page)  # kept where filling it is cut short
        page = self._asked[1]
        rows = await self._fill(target, page.records)
        self._asked = None
        tally = self._second.take_tally() if self._second is not None else None
        calls, units = (tally.calls, tally.units) if tally else (0, 0)
        self._spend(calls, units)
        id = self._target.id if self._target is not None else None
        then = _At(page.next, id, self._after)
        return structs.replace(
            page,
            records=rows,
            next=None if page.next is None else _text(then),
            units=page.units + units,
            more_calls=page.more_calls + calls,
        )

    def take_units(self) -> int:
        tally = self._second.take_tally() if self._second is not None else None
        if tally is not None:
            self._spend(tally.calls, tally.units)
        first: int = self._first.take_units()
        return first + (tally.units if tally else 0)

    async def close(self) -> None:
        await self._first.close()

    def _spend(self, calls: int, units: int) -> None:
        was = self._filled
        if calls or units:
            self._filled = structs.replace(was, calls=was.calls + calls, units=was.units + units)
            self._tell(self._filled)

    async def _fill(self, target: Target, rows: Sequence[Record]) -> list[Media]:
        reels = [row for row in rows if isinstance(row, Media)]
        wanted = {
            reel.shortcode: reel.timestamp or ""
            for reel in reels
            if reel.shortcode is not None and merging.lacks(reel)
        }
        if wanted:
            await self._read_to(target, wanted)
        found = [self._one(reel) if reel.shortcode in wanted else reel for reel in reels]
        more = sum(one is not reel for one, reel in zip(found, reels, strict=True))
        if more:
            self._filled = structs.replace(self._filled, reels=self._filled.reels + more)
            self._tell(self._filled)
        return found

    def _one(self, reel: Media) -> Media:
        other = self._shelf.pop(reel.shortcode or "", None)
        return reel if other is None else merging.filled(reel, other, self._filled.source)

    async def _read_to(self, target: Target, wanted: dict[str, str]) -> None:
        """Read the second list until it has told all that are wanted, or is older than they."""
        oldest = min(wanted.values())
        for _ in range(_MOST_PAGES):
            if self._over or wanted.keys() <= self._shelf.keys():
                return
            if (page := await self._more(target)) is None:
                return
            reels = [row for row in page.records if isinstance(row, Media)]
            self._shelf |= {reel.shortcode: reel for reel in reels if reel.shortcode}
            for code in list(self._shelf)[:-_SHELF]:
                del self._shelf[code]
            # Reels that are pinned come first, whenever they were posted: the last one tells.
            if reels and (reels[-1].timestamp or "") < oldest:
                return

    async def _more(self, target: Target) -> Page | None:
        """The next page of the second list; None where it is asked no more, which is told."""
        try:
            if self._second is None:
                self._second = self._make()
            paid = self._second.owed + self._filled.units
            if paid >= MOST_UNITS:
                raise errors.NoBalance(f"{MOST_UNITS} units are all that filling gaps may cost.")
            if self._target is None:
                self._target = await self._second.resolve(target.username or "")
            after = self._next
            page = await self._second.page(self._target, after, replies=False)
        except errors.StoreError:
            raise
        except (errors.IngatherError, Stopped) as failure:
            why = failure.message if isinstance(failure, errors.IngatherError) else "Its limit."
            self._over = True
            self._filled = structs.replace(self._filled, stopped=why)
            self._tell(self._filled)
            return None
        self._after, self._next = after, page.next
        self._over = page.next is None
        return page


def _text(at: _At) -> str:
    return msgspec.json.encode(at).decode()


def _read(cursor: str | None) -> _At:
    if cursor is None:
        return _At(None)
    try:
        return msgspec.json.decode(cursor, type=_At)
    except msgspec.MsgspecError:
        raise errors.DeadCursor(
            "This is no cursor of two lists; the list starts again.", restart=None
        ) from None
