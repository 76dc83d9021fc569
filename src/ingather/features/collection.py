"""What every collection has in common: run a job of it, and hand over what it has kept."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from ingather import errors
from ingather.domain import filters, receipt
from ingather.domain.filter_kinds import Filter
from ingather.domain.instants import iso
from ingather.domain.job import File, Job
from ingather.domain.kinds import RECORDS
from ingather.domain.records import Comment, Media, Record, User
from ingather.engine import lease
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate, Limit, fixed
from ingather.engine.stop import Stop, Stopped
from ingather.engine.watch import Watch
from ingather.engine.worker import Worker
from ingather.exports import columns, files
from ingather.ports import Claim, Clock, Jobs, Leases, Limiter, Rows, Source

T = TypeVar("T")

LAYOUTS: dict[type[Record], columns.Layout] = {
    Comment: columns.COMMENTS,
    User: columns.USERS,
    Media: columns.MEDIA,
}


def layout(job: Job) -> columns.Layout:
    """The columns of what a job collects."""
    return LAYOUTS[RECORDS[job.kind]]


class Collection:
    """Jobs of one store and one source: run one, save it, stream it."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        leases: Leases,
        rows: Rows,
        limiter: Limiter,
        clock: Clock,
        source: Callable[[], Source],
        limits: Callable[[Source], Awaitable[Sequence[Limit]]] = lambda _: fixed()(),
        policy: Policy | None = None,
    ) -> None:
        self._jobs = jobs
        self._leases = leases
        self._rows = rows
        self._limiter = limiter
        self._clock = clock
        self._source = source
        self._limits = limits
        self._policy = policy or Policy()
        self._worker = Worker(jobs, leases, rows, clock)

    @property
    def route(self) -> str:
        """The way through the source."""
        return self._source().route

    def fetcher(self, policy: Policy | None = None) -> Fetcher:
        """Patient asking of the source; one for each job, since it counts the job's calls."""
        return self._asking(self._source(), policy)

    def _asking(self, source: Source, policy: Policy | None = None) -> Fetcher:
        gate = Gate(self._limiter, self._clock, limits=partial(self._limits, source))
        return Fetcher(source, gate, self._clock, policy=policy or self._policy)

    async def run(
        self,
        job: Job,
        fetcher: Fetcher,
        *,
        stop: Stop,
        watch: Watch,
        claim: Claim | None = None,
    ) -> Job:
        """Take the job as far as it goes; at its end its file is written, with its receipt."""
        fetcher.watch = watch
        return await self._worker.run(
            job, fetcher, self._finish, stop=stop, watch=watch, claim=claim
        )

    async def _looked(self, fetcher: Fetcher, asked: Callable[[], Awaitable[T]]) -> T:
        """What a job needs to be told before it is begun."""
        try:
            return await fetcher.ask(asked)
        except Stopped as stopped:
            if stopped.reason == "budget":
                raise errors.BadInput(
                    "That allows too few calls to look the target up; nothing was begun.",
                    hint="Allow more calls, or what they cost.",
                ) from None
            raise errors.Throttled(
                "The platform's limit is reached, and will be for more than an hour; nothing was"
                " begun. Run the same command again later."
            ) from None

    async def _create(self, job: Job, fetcher: Fetcher, *, fresh: bool) -> Job:
        """Store a new job, which begins with what looking its target up has cost; or give back the
        unfinished one that the same command began."""
        spent = fetcher.hand_over()
        found = await self._jobs.create(structs.replace(job, counters=spent), fresh=fresh)
        if found.id != job.id:
            fetcher.take_back(spent)
        return found

    async def release(self, job: Job) -> None:
        """Give back the lease of a job whose process is dead, before a wish is told to it."""
        await lease.release(job, self._leases)

    async def _finish(self, job: Job) -> File | None:
        if job.options.output == "-" or (job.options.output is None and job.due is not None):
            return None  # what workers collect is saved where and when somebody wants it
        # The receipt beside the file speaks of the job as it stands once the file is there.
        job = structs.replace(job, status="done", finished_at=iso(self._clock.now()))
        path = job.options.output or default_path(job)
        return await self.save(job, path, job.options.format, raw_csv=job.options.raw_csv)

    async def save(
        self,
        job: Job,
        path: str,
        explicit: str | None = None,
        *,
        raw_csv: bool = False,
        chosen: Sequence[Filter] = (),
    ) -> File:
        """Write what the job has kept, in any format, without fetching, and its receipt beside.
        chosen: filters that a row has to pass to be in the file."""
        file = await files.save(
            path,
            files.format_of(path, explicit),
            self.stream(job, chosen),
            columns=layout(job),
            envelope=envelope(job, chosen),
            raw_csv=raw_csv,
        )
        await files.save_receipt(path, receipt.full(job, file) | spelt(chosen))
        return file

    def stream(self, job: Job, chosen: Sequence[Filter] = ()) -> AsyncIterator[Sequence[Record]]:
        """Rows kept so far that pass these filters, in arrival order."""
        return kept(self._rows.stream(job.id), job, chosen)


def envelope(job: Job, chosen: Sequence[Filter] = ()) -> dict[str, object]:
    """What a file says of its rows."""
    return {"receipt": receipt.stable(job)} | spelt(chosen)


def spelt(chosen: Sequence[Filter]) -> dict[str, object]:
    """The filters that a file's rows had to pass, in words; nothing where there were none."""
    return {"filters": [filters.spell(one) for one in chosen]} if chosen else {}


def kept(
    rows: AsyncIterator[Sequence[Record]], job: Job, chosen: Sequence[Filter] = ()
) -> AsyncIterator[Sequence[Record]]:
    """A job's rows as its receipt counts them, also while more arrive; of these what passes."""
    most = job.counters.appended if job.unfinished else None
    return sieved(rows, chosen, most=most) if chosen or most is not None else rows


async def sieved(
    rows: AsyncIterator[Sequence[Record]], chosen: Sequence[Filter], *, most: int | None = None
) -> AsyncIterator[Sequence[Record]]:
    """Of the first `most` rows those that pass, still in batches; the inner rows are closed with
    these."""
    sieve = filters.Sieve(chosen)
    left = most
    try:
        async for page in rows:
            batch = page[:left]
            left = None if left is None else left - len(batch)
            yield [row for row in batch if sieve.keep(row)] if chosen else batch
            if left == 0:
                return
    finally:
        aclose = getattr(rows, "aclose", None)
        if aclose is not None:
            await aclose()


def default_path(job: Job) -> str:
    """A name of ours in the current folder: stable for the job, so that a rerun finds it."""
    state = job.targets[0]
    named = state.target.shortcode or state.target.username or state.words or state.target.id
    name = "".join(letter for letter in Path(named).stem if letter.isalnum() or letter in "._-")
    ending = files.format_of("rows.csv", job.options.format)
    return str(Path.cwd() / f"{job.kind}-{name or 'rows'}-{job.id[:8]}.{ending}")


def check_file(path: str | None, explicit: str | None) -> None:
    """Raise for a file that cannot be made, before an hour is spent on fetching for it."""
    fmt = files.format_of("rows.csv" if path in (None, "-") else path or "", explicit)
    if path == "-" and not fmt.streams:
        raise errors.BadInput(
            f"A .{fmt} file cannot be written to standard output.",
            hint="Name a file, or choose csv, json or jsonl.",
        )
