"""A post's comments, collected to the end, handed over as a file that says how complete it is."""

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from msgspec import Struct, structs

from ingather import errors
from ingather.domain import receipt
from ingather.domain.instants import iso
from ingather.domain.job import File, Job, Options, Target, TargetState
from ingather.domain.records import Record, natural_id
from ingather.engine import lease
from ingather.engine.backoff import Fetcher, Policy
from ingather.engine.quota import Gate
from ingather.engine.stop import Stop, Stopped
from ingather.engine.watch import Watch
from ingather.engine.worker import Worker
from ingather.exports import columns, files
from ingather.ports import Clock, Jobs, Leases, Limiter, Rows, Source

KIND = "comments"
PAGE = 50
"""Comments a page at the most (Graph API, comments edge)."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a user asked for. path: absolute, - for standard output, None for a name of ours."""

    post: str
    path: str | None = None
    format: str | None = None
    raw_csv: bool = False
    replies: bool = True
    limit: int | None = None
    cap: int
    fresh: bool = False
    since_last: bool = False
    sandbox: bool = False


class Estimate(Struct, frozen=True):
    """What an export will take: rows declared and calls from `least` to `most`, None unknown."""

    declared: int | None
    least: int | None
    most: int | None


class Comments:
    """Comment exports: start or find one, run it, save it."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        leases: Leases,
        rows: Rows,
        limiter: Limiter,
        clock: Clock,
        source: Callable[[], Source],
        policy: Policy | None = None,
    ) -> None:
        self._jobs = jobs
        self._leases = leases
        self._rows = rows
        self._limiter = limiter
        self._clock = clock
        self._source = source
        self._policy = policy or Policy()
        self._worker = Worker(jobs, leases, clock)

    def fetcher(self) -> Fetcher:
        """Patient asking of the source; one for each job, since it counts the job's calls."""
        source = self._source()
        gate = Gate(self._limiter, f"{source.name}:{source.limit_key}", self._clock)
        return Fetcher(source, gate, self._clock, policy=self._policy)

    async def start(self, wanted: Wanted, fetcher: Fetcher) -> Job:
        """The job for a post: a new one, or the unfinished one that the same command began."""
        source = self._source()
        try:
            target = await fetcher.ask(lambda: source.resolve(wanted.post))
            owner = await fetcher.ask(lambda: source.owner(target))
        except Stopped:
            raise errors.Throttled(
                "The platform's limit is reached, and will be for more than an hour; nothing was"
                " begun. Run the same command again later."
            ) from None
        job_id = str(uuid.uuid4())
        options = Options(
            replies=wanted.replies,
            cap=wanted.cap,
            limit=wanted.limit,
            output=wanted.path,
            format=wanted.format,
            raw_csv=wanted.raw_csv,
            sandbox=wanted.sandbox,
        )
        if wanted.since_last:
            options = await self._since_last(options, target, owner.instagram_id)
        job = Job(
            id=job_id,
            kind=KIND,
            owner=owner,
            source=source.name,
            route=source.route,
            targets=(TargetState(target=target),),
            options=options,
            created_at=iso(self._clock.now()),
        )
        return await self._jobs.create(job, fresh=wanted.fresh)

    async def run(self, job: Job, fetcher: Fetcher, *, stop: Stop, watch: Watch) -> Job:
        """Take the job as far as it goes; at its end its file is written, with its receipt."""
        fetcher.watch = watch
        return await self._worker.run(job, fetcher, self._finish, stop=stop, watch=watch)

    async def release(self, job: Job) -> None:
        """Give back the lease of a job whose process is dead, before a wish is told to it."""
        await lease.release(job, self._leases)

    async def _finish(self, job: Job) -> File | None:
        if job.options.output == "-":
            return None
        # The receipt beside the file speaks of the job as it stands once the file is there.
        job = structs.replace(job, status="done", finished_at=iso(self._clock.now()))
        path = job.options.output or default_path(job)
        return await self.save(job, path, job.options.format, raw_csv=job.options.raw_csv)

    async def save(
        self, job: Job, path: str, explicit: str | None = None, *, raw_csv: bool = False
    ) -> File:
        """Write what the job has kept, in any format, without fetching, and its receipt beside."""
        file = await files.save(
            path,
            files.format_of(path, explicit),
            self._rows.stream(job.id),
            columns=columns.COMMENTS,
            envelope={"receipt": receipt.stable(job)},
            raw_csv=raw_csv,
        )
        await files.save_receipt(path, receipt.full(job, file))
        return file

    def stream(self, job: Job) -> AsyncIterator[Sequence[Record]]:
        """All rows kept so far, in arrival order."""
        return self._rows.stream(job.id)

    async def _since_last(self, options: Options, target: Target, owner_id: str) -> Options:
        """Go on from the newest finished export of this post."""
        last = await self._last_done(target, owner_id)
        if last is None:
            return options
        newest: str = ""
        ids: list[str] = []
        async for batch in self._rows.stream(last.id):
            for row in batch:
                if row.timestamp is None or row.timestamp < newest:
                    continue
                if row.timestamp > newest:
                    newest, ids = row.timestamp, []
                ids.append(natural_id(row))
        if not newest:
            return options
        return structs.replace(options, since_job=last.id, since_time=newest, since_ids=tuple(ids))

    async def _last_done(self, target: Target, owner_id: str) -> Job | None:
        for job in await self._jobs.list(limit=1_000):
            same = job.kind == KIND and job.target.id == target.id
            if same and job.owner.instagram_id == owner_id and job.status == "done":
                return job
        return None


def estimate(job: Job) -> Estimate:
    """Calls an export will take: a page holds 50 threads, each with its first replies."""
    declared = job.target.declared
    if declared is None:
        return Estimate(None, None, None)
    rows = min(declared, job.options.most)
    left = max(0, rows - job.counters.appended)
    most = -(-left // PAGE) + 1
    return Estimate(declared, min(most, max(1, most // 4)) if job.options.replies else most, most)


def default_path(job: Job) -> str:
    """A name of ours in the current folder: stable for the job, so that a rerun finds it."""
    name = job.target.shortcode or job.target.id
    ending = files.format_of("comments.csv", job.options.format)
    return str(Path.cwd() / f"comments-{name}-{job.id[:8]}.{ending}")


def check(wanted: Wanted) -> None:
    """Raise for a file that cannot be made, before an hour is spent on fetching for it."""
    named = wanted.path not in (None, "-")
    fmt = files.format_of(wanted.path or "" if named else "comments.csv", wanted.format)
    if wanted.path == "-" and not fmt.streams:
        raise errors.BadInput(
            f"A .{fmt} file cannot be written to standard output.",
            hint="Name a file, or choose csv, json or jsonl.",
        )
