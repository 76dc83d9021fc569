"""Jobs as people see them, the right to write to one, and what workers take up."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from ingather.domain.job import (
    ALL,
    NOTHING,
    Counters,
    Ending,
    Failure,
    File,
    Holder,
    Job,
    Options,
    Pause,
    Status,
    TargetState,
    Wish,
)
from ingather.domain.records import Comment, Record

Stand = Literal[Status, "abandoned"]
"""How a job stands: its status, or that it is called running and nobody holds it any more."""


class Batch(Struct, frozen=True, kw_only=True):
    """One page on its way into a store.

    rows: what the filters let through, in arrival order, no id twice within the batch.
    seen: ids that a filter left out; they count as known, and are not kept.
    fetched: rows of the source's answer. target: index of `state` in the job.
    state: the target after this page, its cursor moved. cursor: fingerprint of the cursor that
    the state now holds, None where there is none.
    most, most_reason: rows the job may keep, and the ending when a new row is refused for it.
    end: the job's ending if this is its last page; idle_end: its ending if this page turns out
    to hold no id that is new to the job.
    calls, retries, parks, waited, repaired, units: since the last commit.
    """

    rows: Sequence[Record]
    seen: Sequence[str] = ()
    fetched: int
    target: int
    state: TargetState
    cursor: str | None
    most: int
    most_reason: Ending
    end: Ending | None = None
    idle_end: Ending | None = None
    calls: int = 0
    retries: int = 0
    parks: int = 0
    waited: int = 0
    repaired: int = 0
    units: int = 0


class Outcome(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a commit did: of this page, and the job's counters, status and wish after it.

    new: ids in the page, filtered ones included, that the job had not seen before. target: index
    of the page's target; 0 where a store holds jobs of one target alone.
    """

    new: int
    appended: int
    refused: int
    counters: Counters
    status: Status
    reason: str | None = None
    wish: Wish | None = None
    target: int = 0


class Claim(Struct, frozen=True):
    """A lease won: the job as it stands, the fence to write with, and the cursors seen so far."""

    job: Job
    fence: int
    seen: set[str]


class Jobs(Protocol):
    """Jobs as people see them. Each that is given, here and below, tells whether it was `held` at
    that moment: under a lease that had not run out, on the store's clock."""

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        """Store a new job, or give back the unfinished one with the same key, its cap, limit,
        output, format and raw_csv now those of `job`. Raises BadInput, and changes nothing, where
        that one has kept more rows than it may now.

        fresh: store it in any case; an unfinished one with that key keeps its id and can still be
        resumed by it.
        """
        ...

    async def show(self, job_id: str, *, targets: int = ALL) -> Job:
        """The job, with its first so many targets; raises JobNotFound, DamagedRecord, StateLost."""
        ...

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
        """Newest first, by time of creation and id. Records that cannot be read are left out.

        tenant: only that one's. before: only what is older than this job, of whichever store.
        kinds, status: only jobs of these, and that stand so. targets: of each at the most, the
        first; `overview` tells of all.
        """
        ...

    async def tally(self) -> Mapping[tuple[str, Stand], int]:
        """How many jobs there are of each kind and stand that has any. A look at all of them."""
        ...

    async def amend(self, job_id: str, options: Options) -> Job:
        """Give a job that is not over the cap, limit, max_calls, max_units, output, format and
        raw_csv of `options`, from its next run on. Raises JobNotFound; BadInput, and changes
        nothing, where it is over or has kept more rows than it may now."""
        ...

    async def ask(self, job_id: str, wish: Wish) -> Job:
        """Pause or cancel. At once where nobody holds the job, else at its next commit or beat."""
        ...

    async def delete(self, job_id: str) -> None:
        """The job and all that belongs to it; raises JobBusy while it is held."""
        ...


class Leases(Protocol):
    """The right to write to a job. Every write carries the fence of the claim it was won with."""

    async def claim(
        self,
        job_id: str,
        holder: Holder,
        *,
        lease: float = 30.0,
        dead: int | None = None,
        heed: bool = False,
    ) -> Claim:
        """Take the lease: free, run out, or (dead) held under exactly that fence by a process
        that the caller knows to be dead.

        The fence is raised, the attempt counted, the status set to running (csv_pending stays)
        and a wish that nobody granted forgotten: who names a job asks for it anew; heed: it is
        kept. Raises JobBusy while another holds it, StateLost where keys are
        gone, JobNotFound; a done or cancelled job can not be claimed (BadInput).
        """
        ...

    async def beat(self, job_id: str, fence: int, *, lease: float = 30.0) -> Wish | None:
        """Keep the lease; tells what was asked meanwhile. Raises LeaseLost."""
        ...

    async def commit(self, job_id: str, fence: int, sequence: int, batch: Batch) -> Outcome:
        """Write one page, whole or not at all.

        Checks the fence, then the sequence (last + 1; the last one again gives its stored
        outcome), inserts rows not yet there by natural id until `most` are kept, counts distinct
        users, moves cursor, counters, status and reason, resets attempts. Status becomes
        csv_pending when the batch ends the job or a new row was refused. Raises LeaseLost,
        StateLost, StorageFull.
        """
        ...

    async def settle(
        self,
        job_id: str,
        fence: int,
        status: Status,
        *,
        reason: Ending | Pause | None = None,
        error: Failure | None = None,
        file: File | None = None,
        spent: Counters = NOTHING,
        again: float | None = None,
    ) -> Job:
        """Give the lease back and say how the job stands. reason None keeps the reason there is
        (the ending of a csv_pending job that becomes done). What was spent since
        the last commit is added to the counters. again: seconds after which workers may take a
        queued job up again; None: it is left to people. A job that is not over is paused or
        cancelled instead where that was wished, and still is. Raises LeaseLost.
        """
        ...


class Queue(Protocol):
    """The jobs that workers take up by themselves: unfinished ones that are `due`."""

    async def next(
        self,
        holder: Holder,
        *,
        sources: Collection[str],
        lease: float = 30.0,
        sandbox: bool = False,
    ) -> Claim | None:
        """Claim the next job that nobody holds, in one step; None where none is due.

        That of the tenant whose turn is longest ago; of its jobs the highest priority, then the
        oldest: no tenant's priority puts it before another. A job whose lease has run out waits
        like any other, whoever held it; a wish that he did not grant is kept. sources: only jobs
        of these. sandbox: only jobs that read the sandbox, or none of them. Raises StateLost or
        DamagedRecord, once, for a job that cannot be taken up any more.
        """
        ...

    async def held(self) -> Sequence[Job]:
        """The queued jobs that somebody holds, with the first target of each."""
        ...

    async def enqueue(self, job_id: str) -> Job:
        """Let workers take up a job that is pending, paused or failed, at once; what was wished
        before is forgotten.

        One that is being run is taken up by them when its run ends early. Raises JobNotFound,
        StateLost; BadInput where the job is over.
        """
        ...

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        """Pause every waiting job of a source, and of an owner's Instagram id where one is named,
        until a person queues it again. How many there were."""
        ...


class Adopting(Protocol):
    """Taking over what another store has kept."""

    async def adopt(self, job: Job, rows: Sequence[Comment]) -> None:
        """Store a finished export and its comments as they are, whole or not at all. Raises
        StoreError where there is a job with its id."""
        ...
