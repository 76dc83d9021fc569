"""Takes a claimed job page by page until its end; safe to kill anywhere.

The next page is fetched while this one is committed: one page ahead, never more. The order of
commits is the order of pages. Every rule by which a job ends is in `_digest`, but for the cap and
the page without anything new, which only the commit can see.
"""

import asyncio
from collections.abc import Sequence

from msgspec import structs

from ingather import errors, points
from ingather.domain.job import Ending, Options, TargetState, fingerprint
from ingather.domain.page import Page
from ingather.domain.records import Record, natural_id
from ingather.engine.backoff import Fetcher
from ingather.engine.lease import Lease
from ingather.engine.stop import Stop, Stopped
from ingather.engine.watch import Watch
from ingather.ports import Batch, Claim, Clock, Leases, Outcome

MOST_IDLE = 3
"""Pages running without an id new to the job, before it ends with no_progress."""
MOST_EMPTY = 20
"""Empty pages running, each with a fresh cursor, before it ends with no_progress."""
COMMIT_PATIENCE = 20.0
"""Seconds for which a store that does not answer is asked again, within the lease."""


class Reader:
    """One claimed job on its way to its end."""

    def __init__(
        self,
        claim: Claim,
        lease: Lease,
        leases: Leases,
        fetcher: Fetcher,
        clock: Clock,
        *,
        stop: Stop,
        watch: Watch,
    ) -> None:
        self._job = claim.job
        self._seen = claim.seen
        self._lease = lease
        self._leases = leases
        self._fetcher = fetcher
        self._clock = clock
        self._stop = stop
        self._watch = watch
        self._sequence = claim.job.sequence
        self._counters = claim.job.counters

    async def run(self) -> None:
        """Read every target to its end. Raises Stopped, or the error that waiting cannot mend."""
        for index, state in enumerate(self._job.targets):
            if state.ended is None and await self._read(index, await self._resumed(index, state)):
                return

    async def _resumed(self, index: int, state: TargetState) -> TargetState:
        """The state to go on in, as the run that stopped would have gone on."""
        error = self._job.error
        if error is not None and error.code == errors.DeadCursor.code:
            # Whoever resumes a job that failed by its cursors asks for one more pass.
            return _anew(state, None)
        if state.depth <= state.deepest or state.empty:
            return state
        options = self._job.options
        again = Batch(
            rows=(),
            fetched=0,
            target=index,
            state=state,
            cursor=None,
            most=options.most,
            most_reason=options.most_reason,
        )
        # The last commit again: it writes nothing, and tells whether its page held anything new.
        return _counted(state, await self._surely(self._sequence, again))

    async def _read(self, index: int, state: TargetState) -> bool:
        """Read one target. True when the whole job has ended with it."""
        ahead: asyncio.Task[Page] | None = None
        try:
            while True:
                page, state = await self._arrive(ahead or self._fetch(state), state)
                batch = self._digest(index, state, page)
                state = batch.state
                room = batch.most - self._counters.appended
                ahead = None
                if state.ended is None and len(batch.rows) < room:
                    ahead = self._fetch(state)
                outcome = await self._commit(batch)
                if outcome.reason is not None or state.ended is not None:
                    return outcome.reason is not None
                state = _counted(state, outcome)
                if outcome.wish is not None:
                    self._stop.request("cancelled" if outcome.wish == "cancel" else "asked")
                if self._stop.reason is not None:
                    raise Stopped(self._stop.reason)
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    def _fetch(self, state: TargetState) -> asyncio.Task[Page]:
        task = asyncio.create_task(self._fetch_surely(state))
        self._stop.over(task)
        return task

    async def _fetch_surely(self, state: TargetState) -> Page:
        await self._lease.sure()
        return await self._fetcher.page(
            state.target, state.cursor, replies=self._job.options.replies
        )

    async def _arrive(
        self, task: asyncio.Task[Page], state: TargetState
    ) -> tuple[Page, TargetState]:
        """The page, and the state it was asked in: another one after a dead cursor."""
        while True:
            try:
                return await task, state
            except errors.DeadCursor as dead:
                state = _restarted(state, dead)
                task = self._fetch(state)
            except asyncio.CancelledError:
                task.cancel()
                if self._stop.reason is None:
                    raise
                raise Stopped(self._stop.reason) from None

    def _digest(self, index: int, state: TargetState, page: Page) -> Batch:
        """What to commit of a page: the rows, the state after it, and whether it is the last."""
        options = self._job.options
        rows, seen, reached_old = _sift(page.records, options)
        depth = state.depth + 1
        empty = 0 if page.records else state.empty + 1
        ending = self._ending(index, state, page, empty, reached_old)
        within = page.within if page.records else state.within
        idle_within = state.idle_within if within == state.within else 0
        idle = state.idle if within is None else idle_within
        cursor = None
        if ending is None:
            assert page.next is not None
            cursor = fingerprint(page.next, target=index, passes=state.passes)
            self._seen.add(cursor)
        last = index == len(self._job.targets) - 1
        over = page.records and depth > state.deepest and idle + 1 >= MOST_IDLE
        tally = self._fetcher.take_tally()
        points.reach("parsed")
        return Batch(
            rows=rows,
            seen=seen,
            fetched=len(page.records),
            target=index,
            state=structs.replace(
                state,
                cursor=page.next,
                depth=depth,
                within=within,
                idle_within=idle_within,
                empty=empty,
                ended=ending,
            ),
            cursor=cursor,
            most=options.most,
            most_reason=options.most_reason,
            end=ending if last else None,
            idle_end="no_progress" if over and last else None,
            calls=tally.calls,
            retries=tally.retries,
            parks=tally.parks,
            waited=int(tally.waited),
            repaired=tally.repaired,
        )

    def _ending(
        self, index: int, state: TargetState, page: Page, empty: int, reached_old: bool
    ) -> Ending | None:
        if page.next is None:
            nothing = not page.records and self._counters.fetched == 0
            return "source_ended_early" if nothing and state.target.declared else "end_of_list"
        if fingerprint(page.next, target=index, passes=state.passes) in self._seen:
            return "cursor_loop"
        if reached_old:
            return "up_to_date"
        return "no_progress" if empty >= MOST_EMPTY else None

    async def _commit(self, batch: Batch) -> Outcome:
        outcome = await self._surely(self._sequence + 1, batch)
        points.reach("committed")
        self._sequence += 1
        self._counters = outcome.counters
        self._watch.page(outcome.counters)
        return outcome

    async def _surely(self, sequence: int, batch: Batch) -> Outcome:
        """Commit, again with the same sequence while the store does not answer."""
        since, wait = self._clock.monotonic(), 0.1
        while True:
            try:
                return await self._leases.commit(
                    self._job.id, self._lease.fence, sequence, batch
                )
            except errors.StoreUnavailable:
                if self._clock.monotonic() + wait - since > COMMIT_PATIENCE:
                    raise
                await self._clock.sleep(wait)
                wait = min(2.0, wait * 2)


def _restarted(state: TargetState, dead: errors.DeadCursor) -> TargetState:
    """The state to read on in after a dead cursor: a new pass, with cursors of its own.

    A pass that dies without having got further than the one before it is the last.
    """
    if state.passes > 1 and state.depth <= state.deepest:
        raise dead
    return _anew(state, dead.restart)


def _anew(state: TargetState, restart: str | None) -> TargetState:
    """The state at the beginning of another pass, or of the list that `restart` begins."""
    return structs.replace(
        state,
        cursor=restart,
        passes=state.passes + 1,
        depth=0 if restart is None else state.depth,
        deepest=max(state.deepest, state.depth),
        idle=0,
        within=None,
        idle_within=0,
        empty=0,
    )


def _counted(state: TargetState, outcome: Outcome) -> TargetState:
    """The state with its last page counted as idle if it held rows and nothing new.

    Rereading after a restart does not count, and an empty page has its own count. Replies are
    counted within their thread: the threads of one page that came twice are no reason to stop.
    """
    if outcome.new or state.depth <= state.deepest:
        return structs.replace(state, idle=0, idle_within=0)
    if state.empty:
        return state
    if state.within is None:
        return structs.replace(state, idle=state.idle + 1)
    return structs.replace(state, idle_within=state.idle_within + 1)


def _sift(
    records: Sequence[Record], options: Options
) -> tuple[Sequence[Record], Sequence[str], bool]:
    """Rows to keep, each id once; ids left out; whether rows of the earlier export came up."""
    unique = {natural_id(row): row for row in reversed(records)}
    rows: Sequence[Record] = records
    if len(unique) != len(records):
        rows = list(reversed(unique.values()))
    if options.since_time is None:
        return rows, (), False
    old = [row for row in rows if _known(row, options)]
    known = {natural_id(row) for row in old}
    fresh = [row for row in rows if natural_id(row) not in known]
    return fresh, sorted(known), any(row.parent_comment_id is None for row in old)


def _known(row: Record, options: Options) -> bool:
    """Whether the earlier export had it: older than its newest row, or one of those as old."""
    if row.timestamp is None or options.since_time is None:
        return False
    return row.timestamp < options.since_time or natural_id(row) in options.since_ids
