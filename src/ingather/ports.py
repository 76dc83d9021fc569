"""What the engine and the features need of the world; `assembly` chooses who gives it.

`stores.memory` is the reference of Jobs, Leases, Rows, Cache and Limiter; every backing passes the
same suite in tests/contract.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from ingather.domain.giveaway import GiveawayRecord
from ingather.domain.job import (
    NOTHING,
    Counters,
    Ending,
    Failure,
    File,
    Holder,
    Job,
    Owner,
    Pause,
    Status,
    Target,
    TargetState,
    Wish,
)
from ingather.domain.page import Page
from ingather.domain.progress import Standing
from ingather.domain.records import Comment, Media, Profile, Record

if TYPE_CHECKING:  # they bring cryptography with them, which no export needs
    from ingather.domain.beacon import Chain
    from ingather.domain.giveaway_draw import Draw, Head, LogLine, Note
    from ingather.domain.reel_columns import Some  # numpy


class Clock(Protocol):
    """Time, handed in, so that tests need not wait."""

    def now(self) -> float:
        """Seconds since the epoch, for people and timestamps."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward, for deadlines."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Source(Protocol):
    """One outside voice. Errors are those of `errors.SourceError`, and no others."""

    name: str
    route: str
    limit_key: str
    """What shares its limit: a fingerprint of the token, never the token."""

    async def owner(self, target: Target | None = None) -> Owner:
        """The account on whose behalf a target is read; without one, the first there is."""
        ...

    async def resolve(self, post: str) -> Target:
        """The target that a user's words name; raises NotReachable where there is none."""
        ...

    async def fetch(
        self, target: Target, cursor: str | None, *, replies: bool, limit: int | None = None
    ) -> Page:
        """The page at a cursor (None: the first), of at most `limit` rows on its upper level."""
        ...

    def take_units(self) -> int:
        """Units billed that no page has told, as for look-ups and refusals; counted once."""
        ...

    async def close(self) -> None: ...


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


class Outcome(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a commit did: of this page, and the job's counters, status and wish after it.

    new: ids in the page, filtered ones included, that the job had not seen before.
    """

    new: int
    appended: int
    refused: int
    counters: Counters
    status: Status
    reason: str | None = None
    wish: Wish | None = None


class Claim(Struct, frozen=True):
    """A lease won: the job as it stands, the fence to write with, and the cursors seen so far."""

    job: Job
    fence: int
    seen: set[str]


class Jobs(Protocol):
    """Jobs as people see them."""

    async def create(self, job: Job, *, fresh: bool = False) -> Job:
        """Store a new job, or give back the unfinished one with the same key, its cap, limit,
        output, format and raw_csv now those of `job`.

        fresh: store it in any case; an unfinished one with that key keeps its id and can still be
        resumed by it.
        """
        ...

    async def show(self, job_id: str) -> Job:
        """The job; raises JobNotFound, DamagedRecord, StateLost."""
        ...

    async def list(
        self, *, limit: int = 100, tenant: str | None = None, before: Job | None = None
    ) -> Sequence[Job]:
        """Newest first, by time of creation and id. Records that cannot be read are left out.

        tenant: only that one's. before: only what is older than this job, of whichever store.
        """
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
        self, job_id: str, holder: Holder, *, lease: float = 30.0, dead: int | None = None
    ) -> Claim:
        """Take the lease: free, run out, or (dead) held under exactly that fence by a process
        that the caller knows to be dead.

        The fence is raised, the attempt counted, the status set to running (csv_pending stays)
        and a wish forgotten. Raises JobBusy while another holds it, StateLost where keys are
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
        queued job up again; None: it is left to people. Raises LeaseLost.
        """
        ...


class Queue(Protocol):
    """The jobs that workers take up by themselves: unfinished ones that are `due`."""

    async def next(
        self,
        holder: Holder,
        *,
        lease: float = 30.0,
        sources: Collection[str] | None = None,
        sandbox: bool = False,
    ) -> Claim | None:
        """Claim the next job that nobody holds, in one step; None where none is due.

        That of the tenant whose turn is longest ago; of its jobs the highest priority, then the
        oldest: no tenant's priority puts it before another. A job whose lease has run out waits
        like any other, whoever held it. sources: only jobs of these. sandbox: only jobs that read
        the sandbox, or none of them. Raises StateLost or DamagedRecord, once, for a job that cannot
        be taken up any more.
        """
        ...

    async def held(self) -> Sequence[Job]:
        """The queued jobs that somebody holds."""
        ...

    async def enqueue(self, job_id: str) -> Job:
        """Let workers take up a job that is pending, paused or failed, at once.

        One that is being run is taken up by them when its run ends early. Raises JobNotFound,
        StateLost; BadInput where the job is over.
        """
        ...

    async def hold_back(self, source: str, reason: Pause, *, owner: str | None = None) -> int:
        """Pause every waiting job of a source, and of an owner's Instagram id where one is named,
        until a person queues it again. How many there were."""
        ...


class Rows(Protocol):
    """What a job has kept, in arrival order; readable at any time, whoever holds the job."""

    async def slice(self, job_id: str, offset: int, limit: int) -> Sequence[Record]:
        """At most `limit` rows from `offset` (0 is the first). Raises JobNotFound, StateLost."""
        ...

    async def count(self, job_id: str) -> int: ...

    def stream(self, job_id: str, *, size: int = 1_000) -> AsyncIterator[Sequence[Record]]:
        """All rows, in batches of `size`."""
        ...


class Cache(Protocol):
    """Answers worth keeping for a short while; losing one costs a call, never a row."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, *, ttl: float) -> None: ...

    async def drop(self, key: str) -> None: ...

    async def renew(self, key: str, value: bytes) -> bool:
        """Replace the value where there is one, which keeps its end; whether there was one."""
        ...


class Limiter(Protocol):
    """A limit that many processes share, kept on the store's clock (reliability plan, 2)."""

    async def reserve(self, key: str, *, calls: int, limit: int, window: float) -> float:
        """Take `calls` out of `limit` per sliding `window` seconds. 0.0 where they were given,
        else seconds until they may be (nothing is taken). Never given back. Raises
        StoreUnavailable; never admits when it cannot count."""
        ...

    async def park(self, key: str, seconds: float) -> None:
        """Nobody calls under this key for so long; a shorter park never cuts a longer one."""
        ...

    async def parked(self, key: str) -> float:
        """Seconds the key is still parked for, 0.0 if it is not."""
        ...


class Analyses(Protocol):
    """What watchers of an analysis see, and its rows in the seed's table. The job is the truth: all
    of this can be made again from it, and writing a page twice changes nothing."""

    async def begin(self, analysis_id: str, profile: Profile) -> None:
        """Keep the profile, once it is known; a row of its own stands for it until reels come."""
        ...

    async def add(self, analysis_id: str, reels: Sequence[Media]) -> None:
        """Write further reels, each once, in one transaction."""
        ...

    async def note(self, analysis_id: str, standing: Standing) -> None:
        """Tell how far it is."""
        ...

    async def close(self, analysis_id: str, status: str, error: str | None) -> None:
        """Write the seed's status (completed or failed) into every row."""
        ...

    async def profile(self, analysis_id: str) -> Profile | None: ...

    async def standing(self, analysis_id: str) -> Standing | None:
        """How far it was when that was last told."""
        ...

    def columns(self, analysis_id: str) -> AsyncIterator["Some"]:
        """The reels that its job has kept, in arrival order, as an analysis looks at them."""
        ...

    async def captions(self, analysis_id: str, places: Sequence[int]) -> Sequence[str | None]:
        """The captions of some of them. places: ascending, the first reel is 0."""
        ...


class Secrets(Protocol):
    """Small secrets, encrypted at rest, bound to their owner's name."""

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, value: bytes) -> None: ...

    def forget(self, name: str) -> None: ...

    def seal(self, name: str, value: bytes) -> bytes:
        """The value encrypted, bound to that name, to be kept elsewhere."""
        ...

    def derive(self, name: str) -> bytes:
        """32 bytes that are the same whenever and wherever this key is used, of that name alone."""
        ...

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """What was sealed under that name; raises DamagedRecord."""
        ...


class Adopting(Protocol):
    """Taking over what another store has kept."""

    async def adopt(self, job: Job, rows: Sequence[Comment]) -> None:
        """Store a finished export and its comments as they are, whole or not at all. Raises
        StoreError where there is a job with its id."""
        ...


class Giveaways(Protocol):
    """The records of giveaways, as everybody may read them (seed data-models.md)."""

    async def keep(self, record: GiveawayRecord) -> None:
        """Store a record, in the place of the one with its id."""
        ...

    async def show(self, giveaway_id: str) -> GiveawayRecord:
        """The record; raises GiveawayNotFound, DamagedRecord."""
        ...

    async def list(
        self,
        *,
        post: str | None = None,
        profile: str | None = None,
        tenant: str | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> Sequence[GiveawayRecord]:
        """Newest first: of a post (media id), of a profile (Instagram id), of a tenant, of all.
        Records that cannot be read are left out."""
        ...


class Draws(Protocol):
    """The draws of draw/2: a log of commitments that only grows, and how each draw stands."""

    async def head(self) -> "Head":
        """The newest commitment of this installation."""
        ...

    async def add(self, draw: "Draw", record: GiveawayRecord, note: "Note") -> bool:
        """Append a commitment, with its record. False where another was appended meanwhile: the
        number of this one is taken, and nothing was written."""
        ...

    async def draw(self, giveaway_id: str) -> "Draw":
        """How the draw stands; raises GiveawayNotFound."""
        ...

    async def move(self, draw: "Draw", record: GiveawayRecord, note: "Note") -> bool:
        """Store anchors, the beacon's answer and disqualifications. What was committed is never
        written again. False where somebody else moved it meanwhile, and nothing was written."""
        ...

    async def log(self, *, post: str | None = None) -> Sequence["LogLine"]:
        """Every commitment, oldest first; of one post, or all."""
        ...

    async def tell(self, giveaway_id: str, note: "Note") -> None:
        """Append to what is told of a giveaway."""
        ...

    async def told(self, giveaway_id: str) -> Sequence["Note"]:
        """All that was done to a giveaway, in its order."""
        ...


class Beacon(Protocol):
    """Randomness that nobody can choose, at moments known beforehand."""

    chain: "Chain"

    async def round(self, number: int) -> bytes | None:
        """The verified signature of a round; None while it is not there yet, and then one waits.
        Raises BeaconUnavailable, BeaconFalse."""
        ...
