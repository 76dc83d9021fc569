"""An account's reels, read to the end and analysed: a job like any other, and what it says."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from ingather import errors
from ingather.domain import analysis, content, filters, names, progress, reel_rows
from ingather.domain.analysis import Analysis, Change, Chosen
from ingather.domain.instants import iso
from ingather.domain.job import File, Job, Options, Owner, Target, TargetState
from ingather.domain.kinds import FILLED
from ingather.domain.merging import Filled
from ingather.domain.progress import Standing
from ingather.domain.records import Media, Profile
from ingather.domain.reel_columns import Gathering
from ingather.domain.reel_rows import ReelRow
from ingather.engine.backoff import Fetcher
from ingather.engine.stop import Stop
from ingather.engine.watch import Watch
from ingather.features import filling
from ingather.features.collection import Collection
from ingather.features.extraction import refuse_void
from ingather.features.filling import Filling
from ingather.features.introduced import Introduced, ProfileSource
from ingather.features.telling import Telling
from ingather.ports import Analyses, Claim, Source

KIND = "analysis"
UNBOUNDED = 2**31 - 1
FRESH = 300.0
"""Seconds for which a profile is fresh (seed data-models.md), and its analysis with it."""
_AT_ONCE = 500


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

    table: where the seed's rows rest. filler: a second source, which fills gaps of the first.
    """

    def __init__(
        self, *, table: Analyses, filler: Callable[[], Source] | None = None, **ports: object
    ) -> None:
        super().__init__(**ports)  # type: ignore[arg-type]
        self._table = table
        self._filler = filler

    @property
    def route(self) -> str:
        """The way through the source, and whether another fills its gaps."""
        return self._source().route + (FILLED if self._filler else "")

    async def start(self, wanted: Wanted) -> Job:
        """The job: a new one, or the unfinished one that the same command began. Nothing is asked
        of the platform yet, so that whoever only wants an id has it at once."""
        return await self._jobs.create(self._job(wanted), fresh=wanted.fresh)

    def _job(self, wanted: Wanted) -> Job:
        username = names.username(wanted.username)
        source = self._source()
        return Job(
            id=str(uuid.uuid4()),
            kind=KIND,
            owner=Owner("", username),
            source=source.name,
            route=self.route,
            targets=(TargetState(target=Target(id=""), words=username),),
            options=Options(
                cap=UNBOUNDED,
                limit=wanted.limit,
                filters=_passing(wanted),
                sandbox=wanted.sandbox,
            ),
            created_at=iso(self._clock.now()),
            tenant=wanted.tenant,
        )

    async def recent(self, wanted: Wanted) -> Job | None:
        """A finished analysis of the same reels whose profile is still fresh."""
        asked = self._job(wanted)
        for job in await self._done(wanted.tenant):
            if job.key != asked.key:
                continue
            same = (job.options.limit, job.options.sandbox, job.route)
            ended = datetime.fromisoformat(job.finished_at or job.created_at).timestamp()
            if same == (asked.options.limit, asked.options.sandbox, asked.route):
                return job if self._clock.now() - ended <= FRESH else None
        return None

    async def run(
        self, job: Job, fetcher: Fetcher, *, stop: Stop, watch: Watch, claim: Claim | None = None
    ) -> Job:
        """Take the job as far as it goes, telling the table how far that is."""
        told = Telling(job, self._table, self._rows_of, watch, self._clock)
        try:
            async with told:
                source = Introduced(self._sources(told), told)
                job = await super().run(
                    job, self._asking(source), stop=stop, watch=told, claim=claim
                )
        except errors.IngatherError:
            with contextlib.suppress(errors.StoreError):
                await self._tell_end(await self._jobs.show(job.id))
            raise
        await self._tell_end(job)
        return job

    def _sources(self, told: Telling) -> ProfileSource:
        """The source, with another that fills its gaps where there is one."""
        first: ProfileSource = self._source()  # type: ignore[assignment]
        if self._filler is None:
            return first

        def tell(filled: Filled) -> None:
            told.filled = filled

        return Filling(
            first,
            self.filler,
            so_far=told.filled or Filled(FILLED.removeprefix("+")),
            tell=tell,
        )

    def filler(self) -> Fetcher:
        """Patient asking of the source that fills gaps, where there is one."""
        assert self._filler is not None
        return self._asking(self._filler(), filling.PATIENCE)

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
        untagged = content.untagged(chosen.told, chosen.tags)
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

    async def filled(self, job: Job) -> Filled | None:
        """What a second source has added to it; None where none was asked."""
        return await self._table.filled(job.id)

    async def rows(self, report: Report) -> list[ReelRow]:
        """Every reel, with what the analysis makes of it."""
        found: list[ReelRow] = []
        async for rows in self._rows.stream(report.job.id):
            found += reel_rows.rows(report.analysis, rows, report.job.source)  # type: ignore[arg-type]
        return found

    async def _done(self, tenant: str) -> Sequence[Job]:
        """A tenant's finished analyses, newest first."""
        return await self._jobs.list(limit=1_000, tenant=tenant, kinds=(KIND,), status="done")

    async def _before(self, job: Job) -> Job | None:
        """The account's last finished analysis before this one, of the same source.

        Both have to have read the list to its end: reels beyond a limit are neither new nor gone.
        """
        words = job.targets[0].words
        if job.reason != "end_of_list":
            return None
        for other in await self._done(job.tenant):
            same = other.targets[0].words == words
            alike = other.source == job.source and other.options.filters == job.options.filters
            alike = alike and other.options.sandbox == job.options.sandbox
            whole = other.reason == "end_of_list"
            earlier = other.created_at < job.created_at
            if same and alike and earlier and whole:
                return other
        return None

    async def _finish(self, job: Job) -> File | None:
        """The door makes the file: a report is no list of rows."""
        return None


def _passing(wanted: Wanted) -> tuple[filters.Filter, ...]:
    """What a reel has to pass. Raises BadInput where that cannot be read, or nothing can pass."""
    chosen = (*filters.parse(wanted.filters), *_since(wanted.since))
    refuse_void(chosen, "reels")
    if filters.references(chosen):
        raise errors.BadInput(
            "All reels of an analysis are one account's: there is no list of users to pass."
        )
    return chosen


def _since(day: str | None) -> tuple[filters.Filter, ...]:
    """What keeps reels from a day or a moment on."""
    if day is None:
        return ()
    try:
        return filters.parse([f"date>={day}"])
    except errors.BadInput:
        raise errors.BadInput(
            f"Reels cannot be those since “{day[:40]}”: it is no date.",
            hint="Give a day as 2026-01-31, or a moment as 2026-01-31T12:00:00Z.",
        ) from None


def _fetched(job: Job) -> datetime:
    """The moment as of which its counts stand."""
    at = datetime.fromisoformat(job.finished_at or job.started_at or job.created_at)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
