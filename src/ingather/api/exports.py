"""/api/exports: the comments of a post, as seeds/comments-export.md describes."""

from starlette.requests import Request
from starlette.responses import Response

from ingather.api import bodies, rooms, running, schema, shapes
from ingather.api.auth import Caller
from ingather.api.door import door
from ingather.api.idempotency import IdempotencyKey, Made, created
from ingather.api.rooms import Room, router_at
from ingather.domain.records import Comment
from ingather.features.comments import KIND, Wanted

ROOM = Room(
    noun="export",
    rows="comments",
    kinds=(KIND,),
    store=lambda world: world.store,
    view=shapes.export,
    shown=shapes.Export,
    page=shapes.ExportList,
    row_schema=schema.ref(Comment),
)

router = router_at("/api/exports", "exports")


@router.post(
    "",
    status_code=201,
    responses=schema.says(
        shapes.Export,
        201,
        schema.then(
            "exports", "show", "rows", "receipt", "delete", where="$response.body#/exportId"
        ),
    ),
    openapi_extra=schema.takes(shapes.NewExport),
    summary="Begin an export of a post's comments",
)
async def start(request: Request, caller: Caller, name: IdempotencyKey = None) -> Response:
    """The same post again goes on with its unfinished export, unless `fresh`."""
    here = door(request)
    world = here.world
    body = await bodies.read(request, shapes.NewExport)
    here.webhooks.check(body.webhook_url, body.webhook_secret)

    async def make() -> Made:
        wanted = Wanted(
            post=world.names.get(body.media_id.strip(), body.media_id),
            path="-",
            replies=body.replies,
            limit=body.max,
            cap=world.settings.comments_cap,
            fresh=body.fresh,
            since_last=body.since_last,
            look_back=None if body.look_back_days is None else body.look_back_days * 86_400,
            sandbox=world.settings.sandbox,
            tenant=caller.owner,
            priority=body.priority,
            queued=True,
        )
        start = world.comments.start(wanted, world.comments.fetcher())
        job = await rooms.queued(here, await running.begun(here, start))
        if body.webhook_url is not None and body.webhook_secret is not None:
            await here.webhooks.want(job, body.webhook_url, body.webhook_secret)
        return job.id, shapes.export(job)

    return await created(request, caller, name, body, make)


rooms.add(router, ROOM)
