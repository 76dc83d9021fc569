"""A post's comments, collected to the end, handed over as a file that says how complete it is."""

import uuid

from msgspec import Struct, structs

from ingather.domain.instants import iso
from ingather.domain.job import AT_ONCE, LOCAL, Job, Options, Target, TargetState
from ingather.domain.records import is_reply, moment, natural_id
from ingather.engine.backoff import Fetcher
from ingather.features.collection import Collection

KIND = "comments"
PAGE = 50
"""Comments a page at the most (Graph API, comments edge)."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What a user asked for. path: absolute, - for standard output, None for a name of ours (a
    queued job then makes no file). queued: workers run it. tenant: who began it here."""

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
                options, target, owner.instagram_id, tenant=wanted.tenant
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
        self, options: Options, target: Target, owner_id: str, *, tenant: str
    ) -> Options:
        """Go on from the newest finished export of this post."""
        last = await self._last_done(target, owner_id, tenant)
        if last is None:
            return options
        newest: str = ""
        ids: list[str] = []
        async for batch in self._rows.stream(last.id):
            for row in batch:
                made = moment(row)
                # Replies come late in a list that is newest first: none of them tells how far
                # the comments themselves had been read.
                if made is None or made < newest or is_reply(row):
                    continue
                if made > newest:
                    newest, ids = made, []
                ids.append(natural_id(row))
        if not newest:
            # Nothing was new then: what was the newest before that run still is.
            newest, ids = last.options.since_time or "", list(last.options.since_ids)
        if not newest:
            return options
        return structs.replace(options, since_job=last.id, since_time=newest, since_ids=tuple(ids))

    async def _last_done(self, target: Target, owner_id: str, tenant: str) -> Job | None:
        for job in await self._jobs.list(limit=1_000, tenant=tenant):
            same = job.kind == KIND and job.target.id == target.id
            if same and job.owner.instagram_id == owner_id and job.status == "done":
                return job
        return None


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
