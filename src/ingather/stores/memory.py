"""The reference store: everything in this process, nothing survives it.

It says in the plainest words what every other backing must do (tests/contract).
"""

from collections import Counter, deque
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from math import inf

from msgspec import structs

from ingather import errors
from ingather.domain.job import (
    ALL,
    NOTHING,
    Counters,
    Failure,
    File,
    Holder,
    Job,
    Options,
    Pause,
    Status,
    Wish,
)
from ingather.domain.records import Record, is_reply, natural_id, writer
from ingather.ports import Batch, Claim, Clock, Outcome, Stand, Take
from ingather.stores import states


@dataclass
class _Kept:
    """One job's memory."""

    job: Job
    rows: list[Record] = field(default_factory=list)
    seen_ids: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    cursors: set[str] = field(default_factory=set)
    lease_until: float = -inf
    last: Outcome | None = None


class MemoryStore:
    """Jobs, Leases, Rows and Queue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._open: dict[str, str] = {}
        self._served: dict[str, int] = {}

    def _find(self, job_id: str) -> _Kept:
        if job_id not in self._kept:
            raise errors.JobNotFound(f"There is no job {job_id}.")
        kept = self._kept[job_id]
        kept.job = structs.replace(kept.job, held=kept.lease_until > self._clock.now())
        return kept

    def _all(self) -> list[_Kept]:
        return [self._find(job_id) for job_id in self._kept]

    def _fenced(self, job_id: str, fence: int) -> _Kept:
        kept = self._kept.get(job_id)
        if kept is None or kept.job.fence != fence or kept.lease_until == -inf:
            raise errors.LeaseLost
        return kept

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        other = self._open.get(job.key)
        if other is not None and not fresh:
            kept = self._find(other)
            kept.job = states.reopened(kept.job, job)
            return kept.job
        self._kept[job.id] = _Kept(job)
        self._open[job.key] = job.id
        return job

    async def show(self, job_id: str, *, targets: int = ALL) -> Job:
        return states.brief(self._find(job_id).job, targets)

    async def list(
        self,
        *,
        limit: int = 100,
        tenant: str | None = None,
        before: Job | None = None,
        kinds: Collection[str] | None = None,
        status: Status | None = None,
        targets: int = 1,
    ) -> Sequence[Job]:
        wanted = [
            kept.job
            for kept in self._all()
            if tenant in (None, kept.job.tenant)
            and (before is None or states.age(kept.job) < states.age(before))
            and states.among(kept.job, kinds, status)
        ]
        wanted.sort(key=states.age, reverse=True)
        return [states.brief(job, targets) for job in wanted[:limit]]

    async def tally(self) -> Counter[tuple[str, Stand]]:
        return Counter((kept.job.kind, states.stands(kept.job)) for kept in self._all())

    async def amend(self, job_id: str, options: Options) -> Job:
        kept = self._find(job_id)
        kept.job = states.amended(kept.job, options)
        return kept.job

    async def ask(self, job_id: str, wish: Wish) -> Job:
        kept = self._find(job_id)
        kept.job = states.asked(kept.job, wish, now=self._clock.now())
        if not kept.job.held:
            kept.lease_until = -inf  # lest a holder who wakes late write over the wish
        self._close_if_over(kept.job)
        return kept.job

    async def delete(self, job_id: str) -> None:
        kept = self._find(job_id)
        if kept.job.held:
            raise states.busy(kept.job)
        del self._kept[job_id]
        if self._open.get(kept.job.key) == job_id:
            del self._open[kept.job.key]

    async def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        lease: float = 30.0,
        dead: int | None = None,
        heed: bool = False,
    ) -> Claim:
        kept = self._find(job_id)
        kept.job.claimable()
        if kept.job.held and dead != kept.job.fence:
            raise states.busy(kept.job)
        kept.job = states.claimed(kept.job, holder, now=self._clock.now(), heed=heed)
        kept.lease_until = self._clock.now() + lease
        self._open.setdefault(kept.job.key, job_id)
        return Claim(kept.job, kept.job.fence, set(kept.cursors))

    async def beat(self, job_id: str, fence: int, *, lease: float = 30.0) -> Wish | None:
        kept = self._fenced(job_id, fence)
        kept.lease_until = self._clock.now() + lease
        return kept.job.wish

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        kept = self._fenced(job_id, fence)
        if sequence == kept.job.sequence and kept.last is not None:
            return structs.replace(kept.last, wish=kept.job.wish)
        if sequence != kept.job.sequence + 1:
            raise errors.LeaseLost
        fresh = [row for row in batch.rows if natural_id(row) not in kept.seen_ids]
        taken = fresh[: max(0, batch.most - len(kept.rows))]
        fresh_filtered = set(batch.seen) - kept.seen_ids
        kept.rows += taken
        kept.seen_ids |= fresh_filtered | {natural_id(row) for row in taken}
        kept.users.update(user for row in taken if (user := writer(row)))
        if batch.cursor is not None:
            kept.cursors.add(batch.cursor)
        targets = list(kept.job.targets)
        targets[batch.target] = batch.state
        kept.job, kept.last = states.committed(
            kept.job,
            batch,
            appended=len(taken),
            replies=sum(is_reply(row) for row in taken),
            new=len(fresh) + len(fresh_filtered),
            refused=len(fresh) - len(taken),
            uniq_users=len(kept.users),
        )
        kept.job = structs.replace(kept.job, targets=tuple(targets))
        return kept.last

    async def settle(
        self,
        job_id: str,
        fence: int,
        status: Status,
        *,
        reason: str | None = None,
        error: Failure | None = None,
        file: File | None = None,
        spent: Counters = NOTHING,
        again: float | None = None,
    ) -> Job:
        kept = self._fenced(job_id, fence)
        kept.job = states.settled(
            kept.job, status, reason, error, file, spent, again=again, now=self._clock.now()
        )
        kept.lease_until = -inf
        self._close_if_over(kept.job)
        return kept.job

    async def next(
        self,
        holder: Holder,
        *,
        sources: Collection[str],
        lease: float = 30.0,
        sandbox: bool = False,
    ) -> Claim | None:
        waiting = [
            kept.job
            for kept in self._all()
            if states.waiting(kept.job, now=self._clock.now())
            and kept.job.source in sources
            and kept.job.options.sandbox == sandbox
        ]
        if not waiting:
            return None
        heads: dict[str, Job] = {}
        for each in sorted(waiting, key=lambda job: (-job.priority, states.age(job))):
            heads.setdefault(each.tenant, each)
        job = min(
            heads.values(), key=lambda job: (self._served.get(job.tenant, 0), states.age(job))
        )
        self._served[job.tenant] = max(self._served.values(), default=0) + 1
        return await self.claim(job.id, holder, lease=lease, heed=True)

    async def held(self) -> Sequence[Job]:
        return [
            states.brief(kept.job, 1)
            for kept in self._all()
            if kept.job.due is not None and kept.job.held
        ]

    async def enqueue(self, job_id: str) -> Job:
        kept = self._find(job_id)
        kept.job = states.queued(kept.job)
        self._open.setdefault(kept.job.key, job_id)
        return kept.job

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        waiting = [
            kept
            for kept in self._all()
            if states.waiting(kept.job, now=self._clock.now())
            and kept.job.source == source
            and owner in (None, kept.job.owner.instagram_id)
            and kept.job.status != "csv_pending"
        ]
        for kept in waiting:
            kept.job = states.held_back(kept.job, reason)
        return len(waiting)

    def _close_if_over(self, job: Job) -> None:
        if not job.unfinished and self._open.get(job.key) == job.id:
            del self._open[job.key]

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        return self._find(job_id).rows[offset : offset + limit]

    async def count(self, job_id: str) -> int:
        return len(self._find(job_id).rows)

    async def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        offset = 0
        while batch := await self.slice(job_id, offset, size):
            yield batch
            offset += len(batch)


class MemoryLimiter:
    """Limiter, within this process: a log of calls per key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._log: dict[str, deque[float]] = {}
        self._parks: dict[str, float] = {}

    async def reserve(self, *takes: Take) -> float:
        now = self._clock.now()
        wait = max(self._wait(take, now) for take in takes)
        if wait <= 0:
            for take in takes:
                self._log[take.key].extend([now] * take.calls)
        return wait

    def _wait(self, take: Take, now: float) -> float:
        log = self._log.setdefault(take.key, deque())
        while log and log[0] <= now - take.window:
            log.popleft()
        lacking = len(log) + take.calls - take.limit
        until = log[lacking - 1] + take.window if lacking > 0 else now
        return max(until, self._parks.get(take.key, now)) - now

    async def used(self, key: str, *, window: float) -> int:
        since = self._clock.now() - window
        return sum(at > since for at in self._log.get(key, ()))

    async def park(self, key: str, seconds: float) -> None:
        until = self._clock.now() + seconds
        self._parks[key] = max(until, self._parks.get(key, -inf))

    async def parked(self, key: str) -> float:
        return max(0.0, self._parks.get(key, -inf) - self._clock.now())
