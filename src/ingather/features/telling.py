"""Tells whoever watches an analysis how far it is, and writes its rows into the seed's table.

Beside the run, never in its way: a page that is committed is told a moment later, and whatever a
killed run had not told yet is told by the next one, from the job's own rows.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from ingather import errors
from ingather.domain import progress
from ingather.domain.job import Counters, Job, TargetState
from ingather.domain.merging import Filled
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile
from ingather.engine.watch import Watch
from ingather.ports import Analyses, Clock

RowsOf = Callable[[str, int], Awaitable[Sequence[Media]]]
"""(job's id, offset) -> the next of its rows."""


class Telling:
    """A Watch; `async with` keeps it telling, and at its end everything has been told.

    profile: whose reels they are; None until the account is introduced. filled: what a second
    source has added, where there is one.
    """

    def __init__(
        self, job: Job, table: Analyses, rows_of: RowsOf, watch: Watch, clock: Clock
    ) -> None:
        self._job = job
        self._table = table
        self._rows_of = rows_of
        self._watch = watch
        self._clock = clock
        self._since = clock.monotonic()
        self._first = job.counters.fetched
        self.profile: Profile | None = None
        self._written = 0
        self._counters = job.counters
        self._message = ""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unwritten: Profile | None = None
        self.filled: Filled | None = None
        self._filled_told: Filled | None = None

    async def __aenter__(self) -> "Telling":
        self.profile = await self._table.profile(self._job.id)
        told = await self._table.standing(self._job.id)
        self._written = told.reels if told else 0
        self.filled = self._filled_told = await self._table.filled(self._job.id)
        self._task = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(errors.StoreError):
            await self.introduced()
            await self._tell()

    def introduce(self, profile: Profile) -> None:
        """The account is found, and may be read; `introduced` writes it down, which may wait until
        its first page is on its way."""
        self.profile = self._unwritten = profile

    @property
    def told(self) -> bool:
        """Whether the profile is stored."""
        return self._unwritten is None and self.profile is not None

    async def introduced(self) -> None:
        """Store the profile, unless it is. No page may be committed before it is."""
        profile = self._unwritten
        if profile is None:
            return
        found = f"@{profile.username} is found."
        await self._table.note(self._job.id, Standing(progress.RESOLVED, found))
        await self._table.begin(self._job.id, profile)
        await self._table.note(
            self._job.id, Standing(progress.PROFILED, "The profile is stored; reading reels.")
        )
        self._unwritten = None

    def began(self, job: Job) -> None:
        self._watch.began(job)
        self._news.set()

    def target(self, place: int, state: TargetState) -> None:
        self._watch.target(place, state)

    def page(self, counters: Counters) -> None:
        self._counters = counters
        self._message = ""
        self._watch.page(counters)
        self._news.set()

    def retrying(self, error: errors.IngatherError, seconds: float) -> None:
        self._message = f"Asking again: {error.message}"
        self._watch.retrying(error, seconds)
        self._news.set()

    def parked(self, seconds: float) -> None:
        self._message = f"Waiting {seconds:.0f} s for the platform's limit."
        self._watch.parked(seconds)
        self._news.set()

    async def _keep(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            with contextlib.suppress(errors.StoreError):
                await self._tell()

    async def _tell(self) -> None:
        """Write the rows that are new, and how far it is."""
        if self.profile is None:
            return
        while rows := await self._rows_of(self._job.id, self._written):
            await self._table.add(self._job.id, rows, self._job.source)
            self._written += len(rows)
        if self.filled is not None and self.filled is not self._filled_told:
            await self._table.fill(self._job.id, self.filled)
            self._filled_told = self.filled
        await self._table.note(self._job.id, self._standing())

    def _standing(self) -> Standing:
        read = self._counters.fetched
        expected = self.profile.media_count if self.profile else None
        if self._job.options.limit is not None:
            expected = min(expected or self._job.options.limit, self._job.options.limit)
        message = self._message or f"Reading reels: {self._written:,} so far."
        percent = progress.across(read, expected)
        return Standing(percent, message, self._remaining(read, expected), self._written)

    def _remaining(self, read: int, expected: int | None) -> float | None:
        """Seconds left at this run's pace, were every post a reel."""
        done = read - self._first
        if not expected or done <= 0:
            return None
        spent = self._clock.monotonic() - self._since
        return round(max(0, expected - read) * spent / done, 1)
