"""/api/extractions: lists of accounts, posts and comments (seeds/extraction-platform.md)."""

from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from ingather import errors
from ingather.api import bodies, records, rooms, running, schema, shapes
from ingather.api.auth import Caller
from ingather.api.door import Door, door
from ingather.api.idempotency import IdempotencyKey, Made, created
from ingather.api.rooms import Room, router_at
from ingather.domain.access import Key
from ingather.domain.records import Comment, Media, User
from ingather.features import extraction, voices

if TYPE_CHECKING:
    from ingather.domain.job import Job
    from ingather.engine.backoff import Fetcher

ROOM = Room(
    noun="extraction",
    rows="records",
    kinds=extraction.KINDS,
    store=lambda world: world.sql_store,
    view=shapes.extraction,
    shown=shapes.Extraction,
    page=shapes.ExtractionList,
    row_schema={"anyOf": [schema.ref(Comment), schema.ref(User), schema.ref(Media)]},
)

router = router_at("/api/extractions", "extractions")


@router.post(
    "",
    status_code=201,
    responses=schema.says(
        shapes.Extraction, 201, schema.then("extractions", "show", "rows", "receipt", "delete")
    ),
    openapi_extra=schema.takes(shapes.NewExtraction),
    summary="Begin an extraction",
)
async def start(request: Request, caller: Caller, name: IdempotencyKey = None) -> Response:
    """The same targets again go on with their unfinished extraction, unless `fresh`."""
    here = door(request)
    body = await bodies.read(request, shapes.NewExtraction)
    here.webhooks.check(body.webhook_url, body.webhook_secret)

    async def make() -> Made:
        job = await rooms.queued(here, await _begun(here, caller, body))
        if body.webhook_url is not None and body.webhook_secret is not None:
            await here.webhooks.want(job, body.webhook_url, body.webhook_secret)
        return job.id, shapes.extraction(job)

    return await created(request, caller, name, body, make)


async def _begun(here: Door, caller: Key, body: shapes.NewExtraction) -> "Job":
    world = here.world
    kind = extraction.kind_of(body.kind)
    if body.source == "archive" or kind not in shapes.TOLD:
        raise errors.BadInput(
            "There is no archive to be had here: files of this machine cannot be named.",
            hint=f"`ingather extract` reads them. There are {', '.join(shapes.TOLD)} here.",
        )
    found = voices.choose(kind, body.source, ready=world.reach(), files=False)
    if body.insights:
        voices.check_insights(kind, found)
    words = extraction.canonical(kind, extraction.played(kind, body.targets, world.named(found[0])))
    if not words:
        raise errors.BadInput("There is no target.", hint="Name accounts, posts or hashtags.")
    wanted = extraction.Wanted(
        kind=kind,
        words=words,
        filters=body.filters,
        lists=await records.lists(world, caller.owner, body.filters),
        path="-",
        limit=body.max,
        max_calls=body.max_calls,
        max_units=body.max_units,
        fresh=body.fresh,
        sandbox=world.settings.sandbox,
        queued=True,
        tenant=caller.owner,
        priority=body.priority,
    )
    extraction.passing(wanted)  # refused before anybody is asked anything

    async def begin(_: str, feature: extraction.Extractions, fetcher: "Fetcher") -> "Job":
        return await running.begun(here, feature.start(wanted, fetcher))

    through = partial(world.through, kind=kind, words=words, insights=body.insights)
    return await extraction.by_first(found, through, begin)


rooms.add(router, ROOM)
