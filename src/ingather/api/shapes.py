"""What goes over the wire beside the records and the seeds' ExportRecord."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from ingather.domain import export_record, filters
from ingather.domain.access import Delivery, Webhook
from ingather.domain.export_record import ExportRecord
from ingather.domain.job import Counters, Failure, Job, Owner, TargetState
from ingather.domain.kinds import ALIASES, SOURCES
from ingather.engine import lease
from ingather.features.extraction import KINDS, UNBOUNDED

NAMED = 100
"""Targets told with a job; its receipt tells all."""

Word = Annotated[str, Meta(min_length=1, max_length=300)]
Many = Annotated[int, Meta(ge=1, le=UNBOUNDED)]
TOLD = tuple(kind for kind in KINDS if SOURCES[kind] != ("archive",))
"""Kinds that can be had through this door: an archive is a file, which the command line reads."""
Kind = Annotated[str, Meta(extra_json_schema={"enum": [*TOLD, *ALIASES]})]
Rank = Annotated[int, Meta(ge=-100, le=100)]
Address = Annotated[str, Meta(min_length=1, max_length=2_000)]
Secret = Annotated[str, Meta(min_length=16, max_length=200)]


class NewExtraction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An extraction to begin. The same targets again go on with the unfinished one, unless fresh.

    targets: accounts, posts or hashtags. filters: in the words of the command line; all must pass.
    source: graph or hiker, and no other; without it the Graph API where it can tell this kind,
    HikerAPI otherwise. insights: of one's own posts and reels. max: rows kept at the most.
    maxCalls, maxUnits: it pauses before it spends more. priority: the higher go first, among the
    jobs of the same owner.
    webhookUrl: told when it has ended, signed with webhookSecret.
    """

    kind: Kind
    targets: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=20_000)]
    filters: Annotated[
        tuple[Annotated[str, Meta(max_length=10_000)], ...], Meta(max_length=50)
    ] = ()
    source: Annotated[str, Meta(max_length=20)] | None = None
    insights: bool = False
    max: Many | None = None
    max_calls: Many | None = None
    max_units: Many | None = None
    priority: Rank = 0
    fresh: bool = False
    webhook_url: Address | None = None
    webhook_secret: Secret | None = None


class NewExport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A comment export to begin. The same post again goes on with the unfinished one, unless fresh.

    mediaId: the post's media id, its shortcode or its address. max: comments kept at the most,
    within the cap. sinceLast: only what is newer than the last finished export of the post.
    lookBackDays: then, how many days back comments are read again for new replies.
    """

    media_id: Word
    replies: bool = True
    max: Many | None = None
    since_last: bool = False
    look_back_days: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    priority: Rank = 0
    fresh: bool = False
    webhook_url: Address | None = None
    webhook_secret: Secret | None = None


class Resumed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What a job goes on with from now on, in place of what it was begun with. max: rows kept at
    the most. maxCalls, maxUnits: a run pauses before it spends more."""

    max: Many | None = None
    max_calls: Many | None = None
    max_units: Many | None = None


class TargetView(Struct, frozen=True, rename="camel"):
    """One target: its name as it was asked for, and how its reading ended."""

    name: str
    id: str | None
    declared: int | None
    ended: str | None
    error: str | None


class Extraction(Struct, frozen=True, kw_only=True, rename="camel"):
    """An extraction as it stands. alive: whether whoever runs it lives; null where nobody does.
    targets: the first hundred of targetCount. targetsEnded: how many of all have ended, by their
    ending. webhook: not where it has none, nor in a list."""

    id: str
    kind: str
    status: str
    reason: str | None
    alive: bool | None
    source: str
    route: str
    owner: Owner
    targets: tuple[TargetView, ...]
    target_count: int
    targets_ended: dict[str, int]
    filters: tuple[str, ...]
    max: int | None
    max_calls: int | None
    max_units: int | None
    priority: int
    progress: Counters
    error: Failure | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    expires_at: str | None
    webhook: Delivery | UnsetType = UNSET


class Export(ExportRecord, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The record, and beside it: whether whoever runs it lives, not where nobody does; and how its
    webhook stands, not where it has none, nor in a list."""

    alive: bool | None = None
    webhook: Delivery | UnsetType = UNSET


class ExtractionList(Struct, frozen=True):
    """Newest first. next: to be sent as `cursor` for the page after; null at the end."""

    extractions: tuple[Extraction, ...]
    next: str | None


class ExportList(Struct, frozen=True):
    """Newest first. next: to be sent as `cursor` for the page after; null at the end."""

    exports: tuple[Export, ...]
    next: str | None


class WebhookView(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a delivery stands. state: waiting, delivered or failed. status: answered last."""

    id: str
    url: str
    state: Delivery
    attempts: int
    status: int | None
    error: str | None
    created_at: str
    ended_at: str | None


class Me(Struct, frozen=True, rename="camel"):
    """Whose key it is."""

    owner: str
    key_id: str
    key_name: str


class Worked(Struct, frozen=True, kw_only=True, rename="camel"):
    """A job that was worked on, as it stands now, and what this run added to it."""

    id: str
    kind: str
    status: str
    reason: str | None
    rows: int
    added: int
    calls: int
    error: str | None


class Processed(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a call of the cron endpoint did. idle: nothing is left that is due now."""

    budget_ms: int
    spent_ms: int
    jobs: tuple[Worked, ...]
    idle: bool


class Health(Struct, frozen=True):
    """It is there."""

    status: str


class Ready(Struct, frozen=True):
    """Whether all that jobs need answers. checks: a name, and ok or what is wrong."""

    status: str
    checks: dict[str, str]


def extraction(job: Job) -> Extraction:
    """A job for whoever may see it."""
    options = job.options
    return Extraction(
        id=job.id,
        kind=job.kind,
        status=job.status,
        reason=job.reason,
        alive=lease.alive(job),
        source=job.source,
        route=job.route,
        owner=job.owner,
        targets=tuple(_target(state) for state in job.targets[:NAMED]),
        target_count=job.count,
        targets_ended=job.overview.ended,
        filters=tuple(filters.spell(one) for one in options.filters),
        max=options.limit,
        max_calls=options.max_calls,
        max_units=options.max_units,
        priority=job.priority,
        progress=job.counters,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires_at,
    )


def export(job: Job) -> Export:
    """The seeds' record. Here its CSV is made as it is asked for, so that it is ready when every
    row is in."""
    record = export_record.of(job)
    if job.status == "done" and job.file is None:
        record = structs.replace(record, file=export_record.RecordFile(csv_ready=True))
    return Export(**structs.asdict(record), alive=lease.alive(job))


def webhook(hook: Webhook) -> WebhookView:
    """A webhook without its secret."""
    return WebhookView(
        id=hook.id,
        url=hook.url,
        state=hook.state,
        attempts=hook.attempts,
        status=hook.status,
        error=hook.error,
        created_at=hook.created_at,
        ended_at=hook.ended_at,
    )


def _target(state: TargetState) -> TargetView:
    return TargetView(
        state.words or state.target.username or state.target.id,
        state.target.id or None,
        state.target.declared,
        state.ended,
        state.error.message if state.error else None,
    )


def encoded(value: Any) -> bytes:
    """JSON of anything above."""
    return msgspec.json.encode(value)
