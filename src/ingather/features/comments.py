"""A post's comments, collected to the end, handed over as a file that says how complete it is."""

import uuid

from msgspec import Struct, structs

from ingather import errors
from ingather.domain import receipt
from ingather.domain.instants import iso
from ingather.domain.job import AT_ONCE, LOCAL, Job, Options, Target, TargetState
from ingather.engine.backoff import Fetcher
from ingather.features import earlier
from ingather.features.collection import Collection

KIND = "comments"
PAGE = 50
"""Comments a page at the most (Graph API, comments edge)."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a user asked for. path: absolute, - for standard output, None for a name of ours (a
    queued job then makes no file). queued: workers run it. tenant: who began it here. look_back:
    seconds, for exports since the last, down to which older comments are read for new replies."""

    post: str
    path: str | None = None
    format: str | None = None
    raw_csv: bool = False
    replies: bool = True
    limit: int | None = None
    cap: int
    fresh: bool = False
    since_last: bool = False
    look_back: int | None = None
    sandbox: bool = False
    queued: bool = False
    tenant: str = LOCAL
    priority: int = 0


class Estimate(Struct, frozen=True):
    """What an export will take: rows declared and calls from `least` to `most`, None unknown."""

    declared: int | None
    least: int | None
    most: int | None


class Comments(Collection):
    """Comment exports: start or find one."""

    async def start(self, wanted: Wanted, fetcher: Fetcher) -> Job:
        """The job for a post: a new one, or the unfinished one that the same command began."""
        _check(wanted)
        source = fetcher.source
        target = await self._looked(fetcher, lambda: source.resolve(wanted.post))
        owner = await self._looked(fetcher, lambda: source.owner(target))
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
            options = await self._since_last(
                options, target, owner.instagram_id, wanted.look_back, tenant=wanted.tenant
            )
        job = Job(
            id=job_id,
            kind=KIND,
            owner=owner,
            source=source.name,
            route=source.route,
            targets=(TargetState(target=target),),
            options=options,
            created_at=iso(self._clock.now()),
            tenant=wanted.tenant,
            priority=wanted.priority,
            due=AT_ONCE if wanted.queued else None,
        )
        return await self._create(job, fetcher, fresh=wanted.fresh)

    async def _since_last(
        self, options: Options, target: Target, owner_id: str, look_back: int | None, *, tenant: str
    ) -> Options:
        """Go on from the newest export of this post that was read to its end."""
        last = await self._last_whole(target, owner_id, tenant)
        if last is None:
            return options
        known = await earlier.before(self._jobs, self._rows, last, look_back=look_back is not None)
        if known.comments is None:
            return options
        return structs.replace(
            options,
            since_job=last.id,
            since_time=known.comments,
            since_ids=known.ids,
            since_replies=None if known.replies == known.comments else known.replies,
            since_declared=last.target.declared,
            look_back=look_back,
        )

    async def rereading(self, job: Job) -> int | None:
        """Calls to read older comments again for new replies; None where none are."""
        if job.options.since_job is None or job.down_to is None:
            return None
        return await earlier.rereading(
            self._jobs, self._rows, job.options.since_job, job.down_to, PAGE
        )

    async def _last_whole(self, target: Target, owner_id: str, tenant: str) -> Job | None:
        done = await self._jobs.list(limit=1_000, tenant=tenant, kinds=(KIND,), status="done")
        for job in done:
            same = job.target.id == target.id and job.owner.instagram_id == owner_id
            # What was cut left rows behind below the newest that it has.
            if same and job.reason not in receipt.CUT:
                return job
        return None


def _check(wanted: Wanted) -> None:
    if wanted.look_back is None:
        return
    if not wanted.since_last:
        raise errors.BadInput(
            "Looking back for new replies goes with an export of what is new.",
            hint="Add --since-last (sinceLast); a whole export reads every reply anyway.",
        )
    if not wanted.replies:
        raise errors.BadInput(
            "Looking back is for replies, which this export leaves out.",
            hint="Leave one of the two away: --look-back (lookBackDays) or --no-replies.",
        )


def estimate(job: Job) -> Estimate:
    """Calls an export will take: a page holds 50 threads, each with its first replies, which makes
    it fewer; a thread of more replies is read on by itself, which makes it more."""
    declared = job.target.declared
    if declared is None:
        return Estimate(None, None, None)
    rows = min(declared, job.options.most)
    left = max(0, rows - job.counters.appended)
    most = -(-left // PAGE) + 1
    if not job.options.replies:
        return Estimate(declared, most, most)
    return Estimate(declared, max(1, most // 4), most + most // 4)
