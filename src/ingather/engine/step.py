"""Takes a claimed job page by page until its end; safe to kill anywhere.

The next page is fetched while this one is committed: one page ahead, never more. What ends a job
is in `_ending`, but for the cap and the page without anything new, which only the commit sees.
"""

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from msgspec import structs

from ingather import errors, points
from ingather.domain.job import MAX_ATTEMPTS, Ending, Failure, TargetState, fingerprint
from ingather.domain.page import Page
from ingather.domain.records import Record
from ingather.engine import rules
from ingather.engine.ahead import Ahead
from ingather.engine.backoff import Fetcher, Tally
from ingather.engine.commits import Commits
from ingather.engine.lease import Lease
from ingather.engine.sieve import Sieve
from ingather.engine.stop import Stop, Stopped
from ingather.engine.watch import Watch
from ingather.ports import Batch, Claim, Clock, Leases, Outcome, Rows

_OF_TARGET = (errors.NotReachable, errors.BadInput, errors.DeadCursor)
"""Errors that end one target of many, and leave the others to be read."""

_MAYBE_OF_TARGET = (errors.Transient, errors.Refused)
"""Errors that may be the source's or one target's: whether others can be read tells."""

T = TypeVar("T")


class Reader:
    """One claimed job on its way to its end."""

    def __init__(
        self,
        claim: Claim,
        lease: Lease,
        leases: Leases,
        rows: Rows,
        fetcher: Fetcher,
        clock: Clock,
        *,
        stop: Stop,
        watch: Watch,
    ) -> None:
        self._job = claim.job
        self._seen = claim.seen
        self._rows = rows
        self._fetcher = fetcher
        self._stop = stop
        self._watch = watch
        self._commits = Commits(claim, lease, leases, clock)
        self._many = len(claim.job.targets) > 1
        self._state = claim.job.targets[0]
        self._left = {n for n, state in enumerate(claim.job.targets) if state.ended is None}
        self._endings = {state.ended for state in claim.job.targets if state.ended is not None}
        self._put_off: dict[int, tuple[TargetState, int]] = {}
        self._last: Outcome | None = None  # of the page before this claim
        self._sieve = Sieve(claim.job)
        self._ahead = Ahead(fetcher, lease, stop, replies=claim.job.options.replies)

    async def run(self) -> None:
        """Read every target to its end. Raises Stopped, or the error that waiting cannot mend."""
        await self._recall()
        if self._sieve.needs_rows and self._commits.counters.appended:
            async for rows in self._rows.stream(self._job.id):
                self._sieve.remember(rows)
        put_off = self._put_off
        read = failed = 0  # so many targets were read, and so many before the latest was put off
        for index in sorted(self._left):
            try:
                if await self._read_target(index, self._job.targets[index]):
                    return
            except _MAYBE_OF_TARGET:
                if not self._many or (put_off and read == failed):
                    raise
                put_off[index] = self._state, read
                failed = read
            else:
                read += 1
        for index, (state, before) in put_off.items():
            try:
                if await self._read_target(index, state):
                    return
            except _MAYBE_OF_TARGET as failure:
                if read == before and self._job.attempts < MAX_ATTEMPTS:
                    raise
                await self._close(index, "unreachable", failure)
            else:
                read += 1

    async def _read_target(self, index: int, state: TargetState) -> bool:
        """Read one target, or say why it cannot be read. True when the job has ended with it."""
        self._state = state
        self._watch.target(index, state)
        try:
            if not state.target.id:
                state = await self._found(state)
            if self._fetcher.spent:  # the look-up took it all: what it found is kept
                self._heed(await self._commit(self._batch(index, state, rows=(), fetched=0)))
                raise Stopped("budget")
            return await self._read(index, self._resumed(index, state))
        except _OF_TARGET as failure:
            if not self._many:
                raise
            return await self._close(index, "unreachable", failure)

    async def _found(self, state: TargetState) -> TargetState:
        """The target that the user's words name; asked for once, kept with its first page."""
        target = await self._stop.within(self._fetcher.resolve(state.words or ""))
        return structs.replace(state, target=target)

    async def _close(
        self, index: int, ending: Ending, failure: errors.IngatherError | None = None
    ) -> bool:
        """End a target without a page. True when the job has ended with it."""
        state = structs.replace(self._state, ended=ending, cursor=None)
        if failure is not None:
            state = structs.replace(state, error=Failure(failure.message, failure.code))
        return self._heed(await self._commit(self._batch(index, state, rows=(), fetched=0)))

    async def _recall(self) -> None:
        """Ask what came of the last page before this claim, where a target hangs on it."""
        if any(rules.hangs(self._job.targets[index]) for index in self._left):
            any_page = self._batch(0, self._state, rows=(), fetched=0, tally=Tally())
            self._last = await self._commits.last(any_page)

    def _resumed(self, index: int, state: TargetState) -> TargetState:
        """The state to go on in, as the run that stopped would have gone on."""
        if index in self._put_off:  # it was this run, and its last page was another target's
            return state
        error = self._job.error
        if error is not None and error.code == errors.DeadCursor.code:
            # Whoever resumes a job that failed by its cursors asks for one more pass.
            return rules.anew(state, None)
        if not rules.hangs(state):
            return state
        if self._last is None or self._last.target != index:
            return rules.untold(state)
        return rules.counted(state, self._last)

    async def _read(self, index: int, state: TargetState) -> bool:
        """Read one target. True when the whole job has ended with it."""
        try:
            while True:
                self._state = state
                page, state = await self._arrive(index, state)
                batch, idle = self._digest(index, state, page)
                state = self._state = batch.state
                if state.ended is None and len(batch.rows) < self._room:
                    await self._ahead.begin(state)
                else:
                    await self._ahead.drop()
                outcome = await self._commit(batch)
                over = outcome.reason is not None or state.ended is not None
                if not over and idle and not outcome.new:
                    return await self._close(index, "no_progress")
                if self._heed(outcome) or over:
                    return outcome.reason is not None
                state = rules.counted(state, outcome)
        finally:
            await self._ahead.drop()

    @property
    def _room(self) -> int:
        """Rows that the cap still lets in."""
        return self._job.options.most - self._commits.counters.appended

    def _heed(self, outcome: Outcome) -> bool:
        """Whether the job has ended. Raise Stopped where somebody wished it."""
        if outcome.reason is not None:
            return True
        if outcome.wish is not None:
            self._stop.request("wished")
        if self._stop.reason is not None:
            raise Stopped(self._stop.reason)
        return False

    async def _arrive(self, index: int, state: TargetState) -> tuple[Page, TargetState]:
        """The page, and the state it was asked in: another one after a dead cursor."""
        while True:
            early = self._room > rules.MOST_A_PAGE and not (state.idle or state.empty)
            new = partial(self._is_new, index, state) if early and self._sieve.reads_on else None
            task = await self._ahead.take(state, new)
            try:
                return await self._stop.awaited(task), state
            except errors.DeadCursor as dead:
                state = rules.restarted(state, dead)

    def _digest(self, index: int, state: TargetState, page: Page) -> tuple[Batch, bool]:
        """What to commit of a page, and whether its target ends if nothing in it is new."""
        sifted = self._sieve.sift(page.records)
        depth = state.depth + 1
        empty = 0 if page.records or page.passed else state.empty + 1
        ending = self._ending(index, state, page, empty, sifted.reached_old)
        within = page.within if page.records else state.within
        idle_within = state.idle_within if within == state.within else 0
        idle = state.idle if within is None else idle_within
        cursor = None
        if ending is None:
            assert page.next is not None
            cursor = fingerprint(page.next, target=index, passes=state.passes)
            self._seen.add(cursor)
        most_idle = rules.MOST_IDLE_OF_MANY if self._many else rules.MOST_IDLE
        over = bool(page.records) and depth > state.deepest and idle + 1 >= most_idle
        state = structs.replace(
            state,
            cursor=page.next,
            depth=depth,
            within=within,
            idle_within=idle_within,
            empty=empty,
            reached_old=state.reached_old or sifted.reached_old,
            ended=ending,
        )
        points.reach("parsed")
        batch = self._batch(
            index,
            state,
            rows=sifted.rows,
            seen=sifted.left_out,
            fetched=len(page.records),
            cursor=cursor,
            idle_end="no_progress" if over and not self._many else None,
        )
        return batch, over

    def _batch(
        self,
        index: int,
        state: TargetState,
        *,
        rows: Sequence[Record],
        fetched: int,
        seen: Sequence[str] = (),
        cursor: str | None = None,
        idle_end: Ending | None = None,
        tally: Tally | None = None,
    ) -> Batch:
        options, tally = self._job.options, tally or self._fetcher.take_tally()
        return Batch(
            rows=rows,
            seen=seen,
            fetched=fetched,
            target=index,
            state=state,
            cursor=cursor,
            most=options.most,
            most_reason=options.most_reason,
            end=self._job_ending(state),
            idle_end=idle_end,
            calls=tally.calls,
            retries=tally.retries,
            parks=tally.parks,
            waited=int(tally.waited),
            repaired=tally.repaired,
            units=tally.units,
        )

    def _job_ending(self, state: TargetState) -> Ending | None:
        """How the job ends with this target, where it is the last that is left."""
        if state.ended is None or len(self._left) > 1:
            return None
        return "mixed" if self._endings - {state.ended} else state.ended

    def _ending(
        self, index: int, state: TargetState, page: Page, empty: int, reached_old: bool
    ) -> Ending | None:
        if page.next is None:
            nothing = not page.records and state.depth == state.empty and not state.deepest
            return "source_ended_early" if nothing and state.target.declared else "end_of_list"
        if not self._is_new(index, state, page.next):
            return "cursor_loop"
        if state.reached_old and reached_old and page.within is None:
            return "up_to_date"
        return "no_progress" if empty >= rules.MOST_EMPTY else None

    def _is_new(self, index: int, state: TargetState, cursor: str) -> bool:
        return fingerprint(cursor, target=index, passes=state.passes) not in self._seen

    async def _commit(self, batch: Batch) -> Outcome:
        outcome = await self._commits.commit(batch)
        if batch.state.ended is not None:
            self._left.discard(batch.target)
            self._endings.add(batch.state.ended)
        self._watch.page(outcome.counters)
        return outcome
