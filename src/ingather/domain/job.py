"""A job: one resumable collection, and the words for where it stands."""

import hashlib
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import Struct

from ingather import errors
from ingather.domain import instants
from ingather.domain.filter_kinds import Filter
from ingather.domain.kinds import WITH_INSIGHTS
from ingather.domain.overview import Overview

Status = Literal["pending", "running", "paused", "csv_pending", "done", "failed", "cancelled"]
"""`csv_pending`: every row is in, the file is not yet written (seed comments-export.md)."""

UNFINISHED: frozenset[Status] = frozenset({"pending", "running", "paused", "csv_pending"})

Ending = Literal[
    "end_of_list", "cap", "limit", "cursor_loop", "no_progress", "source_ended_early",
    "up_to_date", "unreachable", "mixed", "cancelled",
]  # fmt: skip
Pause = Literal[
    "budget", "rate_limit", "needs_login", "no_balance", "storage", "schema_drift", "asked"
]
Wish = Literal["pause", "cancel"]

HARD_CAP = 5_000
"""Comments appended to one export by default (seed comments-export.md, HARD_CAP)."""

MAX_ATTEMPTS = 3

LOCAL = "local"
"""The tenant of what was begun on this machine's command line."""

ALL = 2**31 - 1
"""Targets of a job, at the most."""

AT_ONCE = 0.0
"""`Job.due` of a job that any worker may take up now."""

CLAIMS = 65_536
"""A fence counts a job's claims below this; what stands above it may be drawn."""


class Owner(Struct, frozen=True, rename="camel"):
    """The account on whose behalf the job runs."""

    instagram_id: str
    username: str


class Target(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """What is collected; for a comment export, a post.

    id: the source's own id of it (a Graph media id).
    timestamp: the post's, byte for byte as the source gave it: draws are seeded with it.
    declared: how many rows the platform says there are; None where it does not say.
    """

    id: str
    shortcode: str | None = None
    permalink: str | None = None
    caption: str | None = None
    timestamp: str | None = None
    username: str | None = None
    declared: int | None = None
    comments_enabled: bool | None = None


class Failure(Struct, frozen=True):
    """Why an attempt or a job failed: one sentence, and the stable code of the error."""

    message: str
    code: str | None = None


class TargetState(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """How far one target has been read.

    words: what the user named it by, where the source has still to find it (target.id is empty
    until then). error: why it ended unreachable.
    cursor: of the next page; None before the first and after the last.
    passes: 1, and 1 more for each restart after a dead cursor.
    depth, deepest: pages read in this pass, and in the deepest pass so far.
    idle: pages running without an id new to the job, as counted before the last page: only its
    commit could tell. within: the list inside a row that the last page was of, whose idle pages
    are counted apart in idle_within. empty: pages running without any row.
    reached_old: a page held rows of the earlier export; its threads are still read to their end.
    """

    target: Target
    cursor: str | None = None
    passes: int = 1
    depth: int = 0
    deepest: int = 0
    idle: int = 0
    words: str | None = None
    error: Failure | None = None
    within: str | None = None
    idle_within: int = 0
    empty: int = 0
    reached_old: bool = False
    ended: Ending | None = None


class Counters(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a job has done so far; the first four are the seed's.

    fetched: rows that came from the source, in committed pages.
    appended: rows kept. skipped_dupes: rows that were kept already. filtered: rows a filter left
    out. refused: new rows that the cap or limit kept out. uniq_users: distinct user ids kept
    (HyperLogLog on Redis, exact elsewhere). calls: requests made, failed ones included.
    units: what the source has billed. waited: whole seconds spent parked or backing off.
    """

    fetched: int = 0
    appended: int = 0
    skipped_dupes: int = 0
    uniq_users: int = 0
    filtered: int = 0
    replies: int = 0
    refused: int = 0
    pages: int = 0
    calls: int = 0
    retries: int = 0
    parks: int = 0
    waited: int = 0
    repaired: int = 0
    units: int = 0


NOTHING = Counters()


class File(Struct, frozen=True, kw_only=True, rename="camel"):
    """A finished file of a job: absolute path, bytes, rows, and SHA-256 of what was written."""

    path: str
    format: str
    size_bytes: int
    rows: int
    sha256: str


class Options(Struct, frozen=True, kw_only=True, rename="camel"):
    """What may differ between two runs of the same job, and what may not.

    replies: whether replies are collected too. cap: rows kept at the most (a setting).
    limit: rows the user asked for at the most. output, format, raw_csv: the file to make at the
    end, an absolute path or - for standard output. sandbox: it reads the sandbox, not Instagram.
    filters: what is kept of what comes. max_calls, max_units: pause before a run spends more.
    since_job, since_time, since_ids: an earlier export of the same target, the moment of its newest
    comment, and the ids of its rows as new as that or newer; only what is newer is collected.
    since_replies: the same moment for replies, where it is another. since_declared: what was
    declared then. look_back: seconds before this job's creation down to which comments are read
    again for new replies.
    """

    replies: bool = True
    cap: int = HARD_CAP
    limit: int | None = None
    output: str | None = None
    format: str | None = None
    raw_csv: bool = False
    filters: tuple[Filter, ...] = ()
    max_calls: int | None = None
    max_units: int | None = None
    sandbox: bool = False
    since_job: str | None = None
    since_time: str | None = None
    since_ids: tuple[str, ...] = ()
    since_replies: str | None = None
    since_declared: int | None = None
    look_back: int | None = None

    @property
    def most(self) -> int:
        """Rows this job may keep."""
        return self.cap if self.limit is None else min(self.cap, self.limit)

    @property
    def most_reason(self) -> Ending:
        """What to call it when that number is reached."""
        return "cap" if self.limit is None or self.cap <= self.limit else "limit"


class Holder(Struct, frozen=True, rename="camel"):
    """A process that may hold a lease: its host, process id and start (epoch seconds)."""

    host: str
    pid: int
    started: float


class Job(Struct, frozen=True, kw_only=True, rename="camel"):
    """One resumable collection.

    source, route: the voice that is read and the way through it; cursors never leave a route.
    targets: all of them, or only the first where few were asked for; then `summed` tells of all.
    sequence: of the last committed page, 0 before the first. fence: raised at each claim, on
    PostgreSQL by more than one. attempts: claims since the last progress. reason: why it ended or
    is paused. tenant: who began it here: `local`, or the owner of the API key it came with.
    priority: of its tenant's jobs those of a higher one are taken up first. due: epoch seconds on
    the store's clock from which any worker may take it up; None: it is left to whoever began it.
    held: whether its lease runs. Times are ISO 8601 UTC. expires: when the store drops it, if ever.
    """

    id: str
    kind: str
    owner: Owner
    source: str
    route: str
    targets: tuple[TargetState, ...]
    options: Options = Options()
    status: Status = "pending"
    reason: str | None = None
    counters: Counters = Counters()
    sequence: int = 0
    fence: int = 0
    attempts: int = 0
    error: Failure | None = None
    file: File | None = None
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    holder: Holder | None = None
    wish: Wish | None = None
    expires_at: str | None = None
    tenant: str = LOCAL
    priority: int = 0
    due: float | None = None
    summed: Overview | None = None
    held: bool = False

    @property
    def overview(self) -> Overview:
        """How all targets stand, whether they are here or not."""
        return self.summed or Overview.of(self.targets)

    @property
    def count(self) -> int:
        """Targets there are."""
        return self.summed.count if self.summed else len(self.targets)

    @property
    def target(self) -> Target:
        """The first target; the only one of a comment export."""
        return self.targets[0].target

    @property
    def down_to(self) -> str | None:
        """How old the comments may be that are read again for new replies; None where none are."""
        if self.options.look_back is None:
            return None
        at = instants.iso(instants.read(self.created_at) - self.options.look_back)
        return f"{at[:19]}Z"

    @property
    def claims(self) -> int:
        """How often it was claimed; it begins anew after CLAIMS of them."""
        return self.fence % CLAIMS

    @property
    def unfinished(self) -> bool:
        return self.status in UNFINISHED

    def claimable(self) -> None:
        """Raise unless there is something left to do."""
        lost = self.error is not None and self.error.code == "state_lost"
        if not (self.unfinished or (self.status == "failed" and not lost)):
            raise errors.BadInput(
                f"Job {self.id} is {self.status} and cannot be run again.",
                hint="Run the command anew to start another job.",
            )

    @property
    def key(self) -> str:
        """What makes two runs the same job (rulings of the design): owner, kind, canonical targets,
        source, replies, filters, insights and tenant; never the file, the limit or the budget."""
        words = [each.words or each.target.id for each in self.targets]
        wanted = [self.options.replies, self.options.since_job, self.options.filters]
        parts: list[object] = [self.kind, self.owner.instagram_id, self.source, words, *wanted]
        if self.options.look_back is not None:
            parts.append(["look back", self.options.look_back])
        if self.route == WITH_INSIGHTS:
            parts.append(["insights"])
        if self.tenant != LOCAL:
            parts.append(self.tenant)
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]


@lru_cache(maxsize=256)
def fingerprint(cursor: str, *, target: int, passes: int) -> str:
    """A short hash of a cursor in its target and pass, for the set of cursors seen; that of a page
    is asked for thrice."""
    text = f"{target}:{passes}:{cursor}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=8).hexdigest()
