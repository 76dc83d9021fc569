"""What an export of what is new has to know of the finished exports of its post before it.

The platform tells of no comment how many replies it has, and lists no replies by time: a reply is
new where no earlier export has it (docs/decisions/up-to-date.md).
"""

from collections.abc import AsyncIterator

from msgspec import Struct

from ingather import errors
from ingather.domain.job import Job
from ingather.domain.records import Comment, Record, is_reply, moment, natural_id
from ingather.ports import Jobs, Rows

EMBEDDED = 25
"""Replies that come with their comment; more are asked for thread by thread (Graph API)."""

_GONE = (errors.JobNotFound, errors.StateLost)


class Earlier(Struct, frozen=True):
    """comments, replies: the moments from which these may be new, None where nothing is known.
    ids: of rows as new as that, or newer, that are there already."""

    comments: str | None
    replies: str | None
    ids: tuple[str, ...]


async def before(jobs: Jobs, rows: Rows, last: Job, *, look_back: bool) -> Earlier:
    """What is known after the export `last`. look_back: replies are looked for under comments that
    it had read, so that all exports back to the last whole one count."""
    newest, ids = await _reached(rows, last)
    replies = newest
    if look_back:
        chain = [job async for job in _chain(jobs, last)]
        first = chain[-1]
        # Where the whole one is gone, what its successor went on from is known still.
        replies = first.options.since_time or (await _reached(rows, first))[0]
        ids += first.options.since_ids
        for job in chain:
            ids += [
                natural_id(row)
                async for row in _all(rows, job)
                if is_reply(row) and (moment(row) or "") >= replies
            ]
    return Earlier(newest or None, replies or None, tuple(dict.fromkeys(ids)))


async def rereading(jobs: Jobs, rows: Rows, last_id: str, down_to: str, page: int) -> int:
    """Calls it takes to read again the comments made since `down_to` that earlier exports have,
    with their replies; only those that are still kept can be counted."""
    threads: list[tuple[str, str]] = []
    replies: dict[str | None, int] = {}
    try:
        async for job in _chain(jobs, await jobs.show(last_id)):
            async for row in _all(rows, job):
                if isinstance(row, Comment) and is_reply(row):
                    replies[row.parent_comment_id] = replies.get(row.parent_comment_id, 0) + 1
                else:
                    threads.append((moment(row) or "", natural_id(row)))
    except _GONE:
        pass
    threads.sort(reverse=True)
    # Pages come whole, and one beyond tells that all which follow are as old.
    pages = min(sum(made >= down_to for made, _ in threads) // page + 2, -(-len(threads) // page))
    longer = (replies.get(thread, 0) - EMBEDDED for _, thread in threads[: pages * page])
    return pages + sum(-(-more // page) for more in longer if more > 0)


async def _chain(jobs: Jobs, last: Job) -> AsyncIterator[Job]:
    """The export, and those that it goes on from as far as they are still kept."""
    job = last
    while True:
        yield job
        if job.options.since_job is None:
            return
        try:
            job = await jobs.show(job.options.since_job)
        except _GONE:
            return


async def _reached(rows: Rows, job: Job) -> tuple[str, list[str]]:
    """How far an export had read the comments: the moment of the newest, "" where there is none,
    and the ids of its rows that are as new or newer."""
    # Where nothing was new to it, what was the newest before it still is.
    newest = job.options.since_time or ""
    late = [(newest, one) for one in job.options.since_ids]
    async for row in _all(rows, job):
        made = moment(row)
        if made is None or made < newest:
            continue
        # Replies come late in a list that is newest first: none of them tells how far the
        # comments themselves had been read.
        if made > newest and not is_reply(row):
            newest, late = made, [each for each in late if each[0] >= made]
        late.append((made, natural_id(row)))
    return newest, [one for _, one in late]


async def _all(rows: Rows, job: Job) -> AsyncIterator[Record]:
    async for batch in rows.stream(job.id):
        for row in batch:
            yield row
