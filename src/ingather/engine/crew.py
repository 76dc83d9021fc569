"""Many jobs at once in one process: takes up what waits in the queues, until it is told to stop."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol

from ingather import errors
from ingather.domain.job import MAX_ATTEMPTS, Failure, Holder, Job
from ingather.engine import lease
from ingather.engine.stop import Stop
from ingather.ports import Claim, Clock, Jobs, Leases, Queue

POLL = 1.0
"""Seconds after which new work is noticed at the latest."""
ORPHANS = 2.0
"""Seconds between two looks for jobs whose process on this host is dead."""
GRACE = 20.0
"""Seconds that jobs have for giving themselves back once the crew is told to stop."""
LATER = 30.0
"""Seconds before a job that fell over something unforeseen is tried again."""

Run = Callable[[Claim, Stop], Coroutine[Any, Any, Job]]
"""Takes a claimed job as far as it goes now, and gives it back."""


class Store(Jobs, Leases, Protocol):
    """Where the jobs of a queue rest."""


class Report(Protocol):
    """What a crew tells; called in line, must return at once."""

    def began(self, job: Job) -> None: ...

    def ended(self, job: Job) -> None: ...

    def failed(self, job: Job, error: Exception) -> None: ...

    def held_back(self, count: int, error: errors.IngatherError) -> None: ...

    def trouble(self, error: errors.IngatherError) -> None:
        """A queue cannot be read; it is asked again until it can."""
        ...

    def well_again(self) -> None: ...


class Crew:
    """Runs the jobs of some queues, so many at a time.

    reach: the sources that can be read from here just now; jobs of others are left waiting.
    sandbox: whether the outside world is the sandbox, whose jobs are kept apart.
    """

    def __init__(
        self,
        queues: Sequence[Queue],
        store_of: Callable[[Job], Store],
        run: Run,
        clock: Clock,
        *,
        room: int,
        reach: Callable[[], Collection[str]],
        report: Report,
        sandbox: bool = False,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._queues = list(queues)
        self._store_of = store_of
        self._run = run
        self._clock = clock
        self._room = room
        self._reach = reach
        self._report = report
        self._sandbox = sandbox
        self._jitter = jitter
        self._me: Holder = lease.this_process()
        self._running: dict[asyncio.Task[Any], Stop] = {}
        self._drained = asyncio.Event()
        self._looked = float("-inf")
        self._ill = 0

    def drain(self) -> None:
        """Take up nothing more, and let every job give itself back after the page it is at."""
        self._drained.set()
        for stop in self._running.values():
            stop.request("drained")

    async def drained(self) -> None:
        """Until it is told to."""
        await self._drained.wait()

    async def work(self, *, once: bool = False) -> bool:
        """Work until drained; once: until nothing is waiting any more. Never raises for a job or
        a store that is away. Whether it ended for want of work."""
        try:
            while not self._drained.is_set():
                if len(self._running) < self._room and await self._take_up():
                    continue
                if once and not self._running and not self._ill:
                    return True
                await self._rest()
            return False
        finally:
            await self._give_back()

    async def _take_up(self) -> bool:
        """Begin one more job, or tell that there is none."""
        try:
            claim = await self._next()
        except (errors.StateLost, errors.DamagedRecord) as lost:
            self._report.trouble(lost)
            return True
        except errors.IngatherError as failure:
            self._ill += 1
            if self._ill == 1:
                self._report.trouble(failure)
            return False
        if self._ill:
            self._ill = 0
            self._report.well_again()
        if claim is None:
            return False
        self._begin(claim)
        return True

    async def _next(self) -> Claim | None:
        """The next claim of any queue. One that is away does not hide the others."""
        looking = self._clock.monotonic() - self._looked >= ORPHANS
        away: errors.IngatherError | None = None
        for queue in list(self._queues):
            try:
                claim = await queue.next(
                    self._me, lease=lease.LEASE, sources=self._reach(), sandbox=self._sandbox
                )
                if claim is None and looking:
                    claim = await self._orphan(queue)
            except errors.StoreError as failure:
                away = failure
                continue
            if claim is not None:
                self._queues.append(self._queues.pop(0))  # the other queue has the next turn
                return claim
        if looking:
            self._looked = self._clock.monotonic()
        if away is not None:
            raise away
        return None

    async def _orphan(self, queue: Queue) -> Claim | None:
        """A job whose process was of this host and is dead: its lease need not run out first."""
        reach = self._reach()
        for job in await queue.held():
            ours = job.source in reach and job.options.sandbox == self._sandbox
            if not ours or job.holder is None or not lease.is_dead(job.holder, self._me):
                continue
            try:
                return await self._store_of(job).claim(
                    job.id, self._me, lease=lease.LEASE, dead=job.fence, heed=True
                )
            except (errors.JobBusy, errors.BadInput):
                continue  # somebody was faster
        return None

    def _begin(self, claim: Claim) -> None:
        stop = Stop()
        if self._drained.is_set():  # it was won while we were told to stop
            stop.request("drained")
        task = asyncio.create_task(self._one(claim, stop))
        self._running[task] = stop
        task.add_done_callback(lambda task: self._running.pop(task, None))

    async def _one(self, claim: Claim, stop: Stop) -> None:
        self._report.began(claim.job)
        try:
            job = await self._run(claim, stop)
        except errors.IngatherError as failure:
            self._report.failed(claim.job, failure)
            await self._spread(claim.job, failure)
        except Exception as failure:  # noqa: BLE001 - one job's fault must not end all the others
            self._report.failed(claim.job, failure)
            await self._drop(claim, failure)
        else:
            self._report.ended(job)

    async def _spread(self, job: Job, failure: errors.IngatherError) -> None:
        """What stopped this job would stop others: they are paused before they ask in vain."""
        if self._sandbox or not isinstance(failure, (errors.NoBalance, errors.NeedsLogin)):
            return
        empty = isinstance(failure, errors.NoBalance)
        owner = None if empty else job.owner.instagram_id
        count = 0
        for queue in self._queues:
            try:
                count += await queue.hold_back(
                    job.source, "no_balance" if empty else "needs_login", owner=owner
                )
            except errors.StoreError as trouble:  # then each of them asks for itself
                self._report.trouble(trouble)
        if count:
            self._report.held_back(count, failure)

    async def _drop(self, claim: Claim, failure: Exception) -> None:
        """Give back a job whose run fell over something unforeseen."""
        told = Failure(f"{type(failure).__name__}: {failure}", "unforeseen")
        over = claim.job.attempts >= MAX_ATTEMPTS
        with contextlib.suppress(errors.IngatherError):  # then its lease runs out by itself
            await self._store_of(claim.job).settle(
                claim.job.id,
                claim.fence,
                "failed" if over else "pending",
                error=told,
                again=LATER,
            )

    async def _rest(self) -> None:
        """Until a job ends, the crew is told to stop, or it is time to look again."""
        told = asyncio.create_task(self._drained.wait())
        wait = POLL * (0.5 + self._jitter() / 2) if self._ill < 5 else 5 * POLL * self._jitter()
        try:
            await asyncio.wait(
                {told, *self._running}, timeout=wait, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            told.cancel()

    async def _give_back(self) -> None:
        self.drain()
        if self._running:
            await asyncio.wait(set(self._running), timeout=GRACE)
        late = set(self._running)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
