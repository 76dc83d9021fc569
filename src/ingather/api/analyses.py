"""/api/analyses: which reels of an account work, when, and with what (seeds/reel-analysis.md)."""

import asyncio
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Query
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import bodies, rooms, schema
from ingather.api.auth import Caller
from ingather.api.door import Door, door
from ingather.api.idempotency import IdempotencyKey, Made, created
from ingather.api.rooms import JobId, Room, owned, router_at
from ingather.api.schema import JSON, says
from ingather.api.shapes import Many, Word
from ingather.domain import progress, receipt
from ingather.domain.job import Counters, Failure, Job
from ingather.domain.progress import SeedStatus, Standing
from ingather.domain.records import Media, Profile
from ingather.engine import lease
from ingather.exports.reel_files import Story, as_json
from ingather.exports.reel_page import page
from ingather.features import voices
from ingather.features.analyses import KIND, Reels, Wanted

FIRST = 100
"""Reels told with a completed analysis; the rest is paged."""


class NewAnalysis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """An analysis to begin. username: @name, name or the address of a profile. since: only reels
    from that day on. max: reels at the most. source: graph or hiker, and that one alone. fill:
    have gaps filled through HikerAPI, which costs, where there is a key and no source is named.
    fresh: fetch anew even if a finished analysis is still fresh."""

    username: Word
    since: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    max: Many | None = None
    filters: Annotated[
        tuple[Annotated[str, Meta(max_length=10_000)], ...], Meta(max_length=50)
    ] = ()
    source: Annotated[str, Meta(max_length=20)] | None = None
    fill: bool = True
    fresh: bool = False


class AnalysisView(Struct, frozen=True, kw_only=True, rename="camel"):
    """An analysis as it stands. status, progress (per cent) and message are the seed's; reason: of
    a pause. alive: whether whoever runs it lives; null where nobody does. remaining: seconds,
    about. profile: null until the username is found. reels: the first hundred, once it is
    completed; all are at /reels."""

    analysis_id: str
    status: SeedStatus
    reason: str | None
    alive: bool | None
    progress: int
    message: str
    remaining: float | None
    username: str
    source: str
    profile: Profile | None
    reel_count: int
    reels: tuple[Media, ...]
    counters: Counters
    error: Failure | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class AnalysisList(Struct, frozen=True):
    """Newest first. next: to be sent as `cursor` for the page after; null at the end."""

    analyses: tuple[AnalysisView, ...]
    next: str | None


def _view(
    job: Job,
    standing: Standing | None = None,
    profile: Profile | None = None,
    reels: tuple[Media, ...] = (),
) -> AnalysisView:
    stands = progress.standing_of(job, standing)
    return AnalysisView(
        analysis_id=job.id,
        status=progress.seed_status(job.status),
        reason=job.reason,
        alive=lease.alive(job),
        progress=stands.progress,
        message=stands.message,
        remaining=stands.remaining,
        username=job.targets[0].words or "",
        source=job.source,
        profile=profile,
        reel_count=job.counters.appended,
        reels=reels,
        counters=job.counters,
        error=job.error,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _of(here: Door, job: Job) -> Reels:
    return here.world.analyses(job.source, route=job.route)


async def _told(here: Door, job: Job) -> AnalysisView:
    feature = _of(here, job)
    reels: tuple[Media, ...] = ()
    if job.status == "done":
        found = await here.world.sql_store.slice(job.id, 0, FIRST)
        reels = tuple(row for row in found if isinstance(row, Media))
    return _view(job, await feature.told(job), await feature.profile(job), reels)


ROOM = Room(
    noun="analysis",
    rows="reels",
    kinds=(KIND,),
    store=lambda world: world.sql_store,
    view=_view,
    shown=AnalysisView,
    page=AnalysisList,
    row_schema=schema.ref(Media),
    told=_told,
)

router = router_at("/api/analyses", "analyses")


@router.post(
    "",
    status_code=201,
    responses=says(
        AnalysisView,
        201,
        schema.then(
            "analyses", "show", "rows", "receipt", "delete", where="$response.body#/analysisId"
        ),
    ),
    openapi_extra=schema.takes(NewAnalysis),
    summary="Begin an analysis of an account's reels",
)
async def start(request: Request, caller: Caller, name: IdempotencyKey = None) -> Response:
    """Answers at once with its id. A finished one that is still fresh is given back, unless
    `fresh`; the same account again goes on with its unfinished analysis."""
    here = door(request)
    body = await bodies.read(request, NewAnalysis)

    async def make() -> Made:
        world = here.world
        wanted = Wanted(
            username=body.username,
            since=body.since,
            limit=body.max,
            filters=body.filters,
            fresh=body.fresh,
            sandbox=world.settings.sandbox,
            tenant=caller.owner,
        )
        source = voices.of_analysis(body.source, ready=world.reach())
        fill = body.fill and body.source is None and "hiker" in world.reach()
        feature = world.analyses(source, fill=fill)
        job = None if body.fresh else await feature.recent(wanted)
        if job is None:
            job = await rooms.queued(here, await feature.start(wanted))
        return job.id, await _told(here, job)

    return await created(request, caller, name, body, make)


Zone = Annotated[str, Query(max_length=60, description="Of hours and weekdays: Europe/Berlin.")]
Form = Annotated[
    str, Query(alias="format", max_length=10, json_schema_extra={"enum": ["html", "json"]})
]
_REPORT: dict[int | str, Any] = {
    200: {"description": "The report", "content": {"text/html": {}, JSON: {}}}
}


@router.get("/{id}/report", responses=_REPORT, summary="What its reels say")
async def report(
    request: Request,
    caller: Caller,
    job_id: JobId,
    tz: Zone = "UTC",
    form: Form = "html",
    collaborations: bool = False,
) -> Response:
    """One self-contained page, or the same as JSON. Of an analysis that is not finished, what is
    there so far, which its receipt says."""
    here = door(request)
    job = await owned(here, ROOM, caller, job_id)
    if form not in ("html", "json"):
        raise errors.UnknownFileEnding("There is no such format.", hint="There are html and json.")
    try:
        zone = ZoneInfo(tz)
    except (KeyError, ValueError, OSError):
        raise errors.BadInput("There is no such time zone.", hint="As Europe/Berlin.") from None
    feature = _of(here, job)
    found = await feature.report(job, zone, tz, collaborations=collaborations)
    story = Story(
        analysis=found.analysis,
        rows=await feature.rows(found),
        receipt=receipt.of_sources(job, await feature.filled(job)),
        change=found.change,
    )
    if form == "json":
        return Response(await asyncio.to_thread(as_json, story), media_type=JSON)
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; sandbox"
    return Response(
        await asyncio.to_thread(page, story),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": policy},
    )


rooms.add(router, ROOM)
