"""An account's reels, read to the end and analysed: a job like any other, and what it says."""

import asyncio
import contextlib
import uuid
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from msgspec import Struct

from ingather import errors
from ingather.domain import analysis, content, filters, names, progress, reel_rows
from ingather.domain.analysis import Analysis, Change, Chosen
from ingather.domain.instants import iso
from ingather.domain.job import File, Job, Options, Owner, Target, TargetState
from ingather.domain.page import Page
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile
from ingather.domain.reel_columns import Gathering
from ingather.domain.reel_rows import ReelRow
from ingather.engine.backoff import Fetcher
from ingather.engine.stop import Stop
from ingather.engine.watch import Watch
from ingather.features.collection import Collection
from ingather.features.telling import Telling
from ingather.ports import Analyses, Claim, Source

KIND = "analysis"
UNBOUNDED = 2**31 - 1
FRESH = 300.0
"""Seconds for which a profile is fresh (seed data-models.md), and its analysis with it."""
_AT_ONCE = 500


class ProfileSource(Source, Protocol):
    """A source of reels that tells about their account too."""

    async def profile(self, username: str) -> Profile: ...


class Wanted(Struct, frozen=True, kw_only=True):
    """What a user asked for. since: a day or a moment; only reels posted from then on are kept."""

    username: str
    since: str | None = None
    limit: int | None = None
    filters: tuple[str, ...] = ()
    fresh: bool = False
    sandbox: bool = False
    tenant: str = "local"


class Report(Struct, frozen=True):
    """All there is to say of an analysis, finished or not. change: since the account's own last."""

    job: Job
    analysis: Analysis
    change: Change | None = None


class Reels(Collection):
    """Analyses: start or find one, run it, and say what it found.

    table: where the seed's rows rest.
    """

    def __init__(self, *, table: Analyses, **ports: object) -> None:
        super().__init__(**ports)  # type: ignore[arg-type]
        self._table = table

    async def start(self, wanted: Wanted) -> Job:
        """The job: a new one, or the unfinished one that the same command began. Nothing is asked
        of the platform yet, so that whoever only wants an id has it at once."""
        return await self._jobs.create(self._job(wanted), fresh=wanted.fresh)

    def _job(self, wanted: Wanted) -> Job:
        username = names.username(wanted.username)
        source = self._source()
        words = list(wanted.filters)
        if wanted.since:
            words.append(f"date>={wanted.since}")
        return Job(
            id=str(uuid.uuid4()),
            kind=KIND,
            owner=Owner("", username),
            source=source.name,
            route=source.route,
            targets=(TargetState(target=Target(id=""), words=username),),
            options=Options(
                cap=UNBOUNDED,
                limit=wanted.limit,
                filters=filters.parse(words),
                sandbox=wanted.sandbox,
            ),
            created_at=iso(self._clock.now()),
            tenant=wanted.tenant,
        )

    async def recent(self, wanted: Wanted) -> Job | None:
        """A finished analysis of the same reels whose profile is still fresh."""
        asked = self._job(wanted)
        for job in await self._jobs.list(limit=1_000, tenant=wanted.tenant):
            if job.status != "done" or job.key != asked.key:
                continue
            same = (job.options.limit, job.options.sandbox)
            ended = datetime.fromisoformat(job.finished_at or job.created_at).timestamp()
            if same == (asked.options.limit, asked.options.sandbox):
                return job if self._clock.now() - ended <= FRESH else None
        return None

    async def run(
        self, job: Job, fetcher: Fetcher, *, stop: Stop, watch: Watch, claim: Claim | None = None
    ) -> Job:
        """Take the job as far as it goes, telling the table how far that is."""
        told = Telling(job, self._table, self._rows_of, watch, self._clock)
        source = Introduced(self._source(), told)  # type: ignore[arg-type]
        try:
            async with told:
                job = await super().run(
                    job, self._asking(source), stop=stop, watch=told, claim=claim
                )
        except errors.IngatherError:
            with contextlib.suppress(errors.StoreError):
                await self._tell_end(await self._jobs.show(job.id))
            raise
        await self._tell_end(job)
        return job

    async def _tell_end(self, job: Job) -> None:
        status = progress.seed_status(job.status)
        if status in ("completed", "failed"):
            await self._table.close(job.id, status, job.error.message if job.error else None)

    async def _rows_of(self, job_id: str, offset: int) -> Sequence[Media]:
        return await self._rows.slice(job_id, offset, _AT_ONCE)  # type: ignore[return-value]

    async def show(self, job_id: str) -> Job:
        """The job as it stands; raises JobNotFound."""
        return await self._jobs.show(job_id)

    async def standing(self, job: Job) -> Standing:
        """How far it is: the seed's progress, a message, and about how long it will take."""
        return progress.standing_of(job, await self._table.standing(job.id))

    async def told(self, job: Job) -> Standing | None:
        """What its run told last."""
        return await self._table.standing(job.id)

    async def profile(self, job: Job) -> Profile | None:
        """Whose reels they are; None until the username is found."""
        return await self._table.profile(job.id)

    async def report(
        self, job: Job, zone: tzinfo, zone_name: str, *, collaborations: bool = False
    ) -> Report:
        """What the reels of a job say, as of the moment they were fetched."""
        chosen = await self._chosen(job, collaborations=collaborations)
        untagged = content.untagged(chosen.told)
        captions = await self._table.captions(job.id, untagged.tolist())
        profile = await self.profile(job) or Profile(
            user_id=None, username=job.targets[0].words or ""
        )
        # Of many reels it takes a moment, in which others may be served.
        found = await asyncio.to_thread(
            lambda: analysis.analyse(
                profile,
                chosen,
                content.terms(captions, untagged),
                at=_fetched(job),
                zone=zone,
                zone_name=zone_name,
            )
        )
        if (before := await self._before(job)) is None:
            return Report(job, found)
        then = await self.profile(before)
        earlier = await self._chosen(before, collaborations=collaborations)
        since = _fetched(before).isoformat()
        return Report(job, found, analysis.change(found, chosen, earlier, then, since))

    async def _chosen(self, job: Job, *, collaborations: bool) -> Chosen:
        gathering = Gathering()
        async for some in self._table.columns(job.id):
            gathering.add(some)
        reels = gathering.reels()
        return analysis.choose(reels, at=_fetched(job), collaborations=collaborations)

    async def rows(self, report: Report) -> list[ReelRow]:
        """Every reel, with what the analysis makes of it."""
        found: list[ReelRow] = []
        async for rows in self._rows.stream(report.job.id):
            found += reel_rows.rows(report.analysis, rows, report.job.source)  # type: ignore[arg-type]
        return found

    async def _before(self, job: Job) -> Job | None:
        """The account's last finished analysis before this one, of the same source.

        Both have to have read the list to its end: reels beyond a limit are neither new nor gone.
        """
        words = job.targets[0].words
        if job.reason != "end_of_list":
            return None
        for other in await self._jobs.list(limit=1_000, tenant=job.tenant):
            same = other.kind == KIND and other.targets[0].words == words
            alike = other.source == job.source and other.options.filters == job.options.filters
            alike = alike and other.options.sandbox == job.options.sandbox
            whole = other.status == "done" and other.reason == "end_of_list"
            earlier = other.created_at < job.created_at
            if same and alike and earlier and whole:
                return other
        return None

    async def _finish(self, job: Job) -> File | None:
        """The door makes the file: a report is no list of rows."""
        return None


def _fetched(job: Job) -> datetime:
    """The moment as of which its counts stand."""
    at = datetime.fromisoformat(job.finished_at or job.started_at or job.created_at)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


class Introduced:
    """A source that, asked for a target, looks the account up and hands its profile on."""

    def __init__(self, source: ProfileSource, told: Telling) -> None:
        self._source = source
        self._told = told
        self.name, self.route, self.limit_key = source.name, source.route, source.limit_key

    async def owner(self, target: Target | None = None) -> Owner:
        return await self._source.owner(target)

    async def resolve(self, post: str) -> Target:
        profile = await self._source.profile(post)
        if profile.is_private:
            raise errors.NotReachable(f"@{profile.username} cannot be read: it is private.")
        self._told.introduce(profile)
        return Target(
            id=profile.user_id or "",
            username=profile.username,
            permalink=f"https://www.instagram.com/{profile.username}/",
        )

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        asked = self._source.fetch(target, cursor, replies=replies, limit=limit)
        return await (asked if self._told.told else self._with_profile(target, asked))

    async def _with_profile(self, target: Target, asked: Coroutine[None, None, Page]) -> Page:
        """The first page; the profile is stored while it is on its way."""
        asking = asyncio.create_task(asked)
        try:
            await asyncio.sleep(0)  # now it is
            if self._told.profile is None:  # the run that found the target was killed there
                await self.resolve(target.username or "")
            await self._told.introduced()
            return await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def take_units(self) -> int:
        return self._source.take_units()

    async def close(self) -> None:
        await self._source.close()
